# SPDX-License-Identifier: Apache-2.0
"""Identity, organisations, roles, grants, purposes, masking, audit: one policy for every way in."""
