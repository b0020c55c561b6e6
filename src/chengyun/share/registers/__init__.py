# SPDX-License-Identifier: Apache-2.0
"""Base registers: who stated what of a thing for which days, one identity a thing, and records of one thing told apart."""
