# SPDX-License-Identifier: Apache-2.0
"""Nodes side by side: cities, districts and the province see each other's catalogue, ask, grant, and receive changes.

    Neighbour       a node whose keys are pinned; to the policy it is an organisation like any other
    outbox/inbox    what nodes tell each other: each message once, whatever is lost, repeated or overtaken on its way
    asking          a request for a neighbour's data, and its decision
    mirrors         what was granted, kept in a table of our own, with where each row came from

docs/federation.md is the protocol; a node that speaks it needs nothing of this program.
"""
