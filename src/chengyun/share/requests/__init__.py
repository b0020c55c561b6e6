# SPDX-License-Identifier: Apache-2.0
"""Who needs data of another body asks for it: request → answer within ten working days → grant → use → end.

draft ── submitted ⇄ returned (补正, the clock stands)
             ├── approved ── renewed | expired | revoked ── data deleted, confirmed
             ├── refused (with the reason)
             └── withdrawn
"""
