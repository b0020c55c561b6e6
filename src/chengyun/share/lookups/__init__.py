# SPDX-License-Identifier: Apache-2.0
"""Who looked at my data: every recorded read of a resident's own rows, told to the resident, with a proof for each."""
