# SPDX-License-Identifier: Apache-2.0
"""Pages of how many cases there were."""
