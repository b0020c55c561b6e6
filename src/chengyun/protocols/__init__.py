# SPDX-License-Identifier: Apache-2.0
"""The foreign languages, each a thin view of the same store under the same access policy."""
