# SPDX-License-Identifier: Apache-2.0
"""Pages of devices: what there is, how it does, what was done about it."""
