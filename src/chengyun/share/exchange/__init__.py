# SPDX-License-Identifier: Apache-2.0
"""Exchange between departments and cities: what is granted is read, followed, fetched in bulk or pushed, always with a receipt.

reading      rows of any dataset under a scope: paged by key, incremental by version, of one moment
messages     signed requests and answers: RFC 9421, RFC 9530
receipts     what was exchanged, signed by both sides, in the log `exchange` of chengyun.share.ledger
following    subscriptions: ordered, at least once, from any point on
bulk         files with a signed manifest, fetched in parts
pushing      into another department's PostgreSQL
statistics   how much is exchanged between whom, nothing personal
"""
