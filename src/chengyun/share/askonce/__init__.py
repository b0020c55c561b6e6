# SPDX-License-Identifier: Apache-2.0
"""Ask once: what forms ask is tied to data elements, so that nobody is asked for what a register already holds."""
