# SPDX-License-Identifier: Apache-2.0
"""部件与单元网格: the things cases are about, how often they are looked at, and who looks after which grid."""
