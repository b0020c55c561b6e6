# SPDX-License-Identifier: Apache-2.0
"""Pages of the evaluation: tables with their uncertainty, a unit, the cases behind a figure, two periods, files."""
