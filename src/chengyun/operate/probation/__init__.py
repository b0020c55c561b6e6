# SPDX-License-Identifier: Apache-2.0
"""Rules as files, and how far each is trusted: drafted, tested on history, watched in silence, live, demoted."""
