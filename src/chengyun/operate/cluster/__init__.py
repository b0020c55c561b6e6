# SPDX-License-Identifier: Apache-2.0
"""Indicators computed by a cluster of Apache Spark, where one machine is not enough: the same formulas, the same figures.

    this machine: what is due ─▶ one look at the books: sealed files, hot rows, registers ─▶ tasks, one a span of time
    the cluster:  a task ─▶ its files and rows in a DuckDB of its own ─▶ SQL and rule as on one machine ─▶ figures
    this machine: figures ─▶ PostgreSQL, in the transactions and with the evidence of the engine

Workers read the lake and nothing else; they have no way to the database. Only `chengyun indicators run` loads Spark.
"""
