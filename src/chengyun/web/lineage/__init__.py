# SPDX-License-Identifier: Apache-2.0
"""Where data comes from and goes, as pages."""
