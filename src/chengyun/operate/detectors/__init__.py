# SPDX-License-Identifier: Apache-2.0
"""Detectors of the unusual: streaming, bounded memory an entity, pure numpy."""
