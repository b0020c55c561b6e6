# SPDX-License-Identifier: Apache-2.0
"""Pages of reports: the resident's form and page, the public map, the intake desk, the hotline."""
