# SPDX-License-Identifier: Apache-2.0
"""A city in a box: what goes wrong in it, who reports it, and how its people deal with it. Its truth is kept apart."""
