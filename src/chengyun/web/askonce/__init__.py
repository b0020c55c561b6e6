# SPDX-License-Identifier: Apache-2.0
"""What forms cost, and what of it need not be asked, as pages."""
