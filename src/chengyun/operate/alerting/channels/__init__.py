# SPDX-License-Identifier: Apache-2.0
"""Ways to people and other systems. What a person sees in the program is the delivery itself; the others send."""
