# SPDX-License-Identifier: Apache-2.0
"""The desk (工作台): what needs somebody now, and the pages on which it is done."""
