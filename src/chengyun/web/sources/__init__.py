# SPDX-License-Identifier: Apache-2.0
"""Pages about the ways in: what data comes by, how each way does, and the sources data is fetched from."""
