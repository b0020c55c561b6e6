# SPDX-License-Identifier: Apache-2.0
"""Pages of sharing: asking for data, answering, what was granted and how it is used, what is wrong in it."""
