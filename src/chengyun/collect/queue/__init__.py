# SPDX-License-Identifier: Apache-2.0
"""Several front ends and several collectors with NATS JetStream between them, for a city that one process no longer takes in.

    senders ─▶ front, front … ─▶ JetStream, three nodes ─▶ collector, collector … ─▶ the one writer of each stream ─▶ lake

A front end answers when a majority of the nodes holds the body; a stream has one collector at a time, which writes its bodies
in the order of the queue. What a body carries as its key makes it count once, however often it is written.

    writers ─▶ hot rows, in the order of their seqs ─▶ rule process, rule process … ─▶ alerts          (rules.py, where wanted)
"""
