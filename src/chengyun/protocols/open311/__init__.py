# SPDX-License-Identifier: Apache-2.0
"""Open311 GeoReport v2: a city's requests in the language of every 311 app, as a server and as a client."""
