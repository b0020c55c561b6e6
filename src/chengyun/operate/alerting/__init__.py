# SPDX-License-Identifier: Apache-2.0
"""Who is told of alerts: grouped, muted, escalated over duty rosters, sent through an outbox."""
