# SPDX-License-Identifier: Apache-2.0
"""City evaluation: how the city stands as a whole."""
