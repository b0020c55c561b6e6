# SPDX-License-Identifier: Apache-2.0
"""A made-up city drawn by the hundred thousand: ground, people, sky, sensors and what befalls them. No database, no clock.

Every part is a function of the seed and of its own name and moment, never of what was drawn before it: parts may be made in any
order, twice or not at all, and come out the same to the last bit.
"""
