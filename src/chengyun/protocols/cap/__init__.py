# SPDX-License-Identifier: Apache-2.0
"""OASIS Common Alerting Protocol 1.2: an Atom index of the alerts a reader may read, and one XML document for each message."""
