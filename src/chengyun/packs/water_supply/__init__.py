# SPDX-License-Identifier: Apache-2.0
"""Water supply: tanks, pumps and pressures of a network, hour by hour."""
