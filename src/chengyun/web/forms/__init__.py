# SPDX-License-Identifier: Apache-2.0
"""Forms over HTTP: what ODK Collect speaks, and the pages of those who design, fill in and review."""
