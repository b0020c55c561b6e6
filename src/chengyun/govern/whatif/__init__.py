# SPDX-License-Identifier: Apache-2.0
"""What if: models that say what they take, in which unit, within which limits, and how far they were checked."""
