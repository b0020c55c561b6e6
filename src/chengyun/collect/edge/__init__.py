# SPDX-License-Identifier: Apache-2.0
"""The agent beside the devices: keeps what they say on disk and forwards it, in order, whenever there is a network."""
