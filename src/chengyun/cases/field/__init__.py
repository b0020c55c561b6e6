# SPDX-License-Identifier: Apache-2.0
"""Work in the field: devices that are without network for days, what they did meanwhile, patrol tasks and tracks."""
