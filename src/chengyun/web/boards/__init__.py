# SPDX-License-Identifier: Apache-2.0
"""Pages of boards: looked at, composed, hung on a wall, drawn as a picture, sent by mail."""
