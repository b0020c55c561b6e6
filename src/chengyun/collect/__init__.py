# SPDX-License-Identifier: Apache-2.0
"""Ways in: HTTP, files, replay, simulation; validation, quality flags, dead letters."""
