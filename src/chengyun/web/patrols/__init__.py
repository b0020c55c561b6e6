# SPDX-License-Identifier: Apache-2.0
"""Pages of field tasks: made, given to people, and how much of each area was seen."""
