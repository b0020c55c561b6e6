# SPDX-License-Identifier: Apache-2.0
"""Pages of decisions and of what-if models."""
