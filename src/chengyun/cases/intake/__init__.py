# SPDX-License-Identifier: Apache-2.0
"""Ways in for people: what somebody reports becomes a case, or joins one, and they hear how it goes on."""
