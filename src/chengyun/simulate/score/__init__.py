# SPDX-License-Identifier: Apache-2.0
"""What the city noticed, compared with what really was: only here do the truth's files and the database meet."""
