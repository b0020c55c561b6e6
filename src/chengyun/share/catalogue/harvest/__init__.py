# SPDX-License-Identifier: Apache-2.0
"""Foreign catalogues become external resources: DCAT-US 1.1, CKAN's package_search, DCAT in RDF, and a portal's link check."""
