# SPDX-License-Identifier: Apache-2.0
"""Ways in that fetch: databases, HTTP services, folders and files, on a schedule."""
