# SPDX-License-Identifier: Apache-2.0
"""The computing side of the models: numpy, scipy, HiGHS, SUMO. Loaded only by a process that ends."""
