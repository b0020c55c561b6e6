# SPDX-License-Identifier: Apache-2.0
"""Air quality: what the city breathes, hour by hour, and who must look into it."""
