# SPDX-License-Identifier: Apache-2.0
"""Whether the end of a case is believable: signs of false closing, each a declared rule with its weight and its reason."""
