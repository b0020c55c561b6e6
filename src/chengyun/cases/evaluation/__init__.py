# SPDX-License-Identifier: Apache-2.0
"""综合评价: what is counted of cases, what follows from it for regions, departments and posts, and how sure it is."""
