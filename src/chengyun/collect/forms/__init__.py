# SPDX-License-Identifier: Apache-2.0
"""Forms of the grassroots: XLSForm definitions, filled in a browser or ODK Collect, reviewed and corrected."""
