# SPDX-License-Identifier: Apache-2.0
"""Pages about alerts beside the list and the one alert: history, notices, silences, duty, and the rules."""
