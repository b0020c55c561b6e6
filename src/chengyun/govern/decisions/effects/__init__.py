# SPDX-License-Identifier: Apache-2.0
"""Whether a decision had an effect, from numbers alone: no clock, no database. Loaded only by a process that ends."""
