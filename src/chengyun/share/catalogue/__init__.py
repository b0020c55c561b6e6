# SPDX-License-Identifier: Apache-2.0
"""The catalogue: every dataset there is, what it means, who answers for it, how it may be shared, how fresh and good it is."""
