# SPDX-License-Identifier: Apache-2.0
"""The catalogue as DCAT-AP 3: Turtle, JSON-LD and RDF/XML, for portals and harvesters of others."""
