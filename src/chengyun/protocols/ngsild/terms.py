# SPDX-License-Identifier: Apache-2.0
"""Names long and short: what a @context says a term means, read once and kept as two dictionaries.

NGSI-LD uses a small part of JSON-LD: names of types and attributes, and the words of a VocabProperty. So a @context is
reduced to term → IRI here, and values stay as they were sent. docs/decisions/0165 says what that leaves out and gains.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import Any

import msgspec

from chengyun.protocols.ngsild.problems import bad
from chengyun.protocols.ngsild.vocabulary import CORE_URL, DEFAULT_VOCAB

__all__ = ["CORE", "Terms", "core_document", "read_terms"]

_KEPT = 4096
"""Names one context remembers; names past them are worked out each time."""
LONGEST_NAME = 1024
_NO_NAME = "<>\"{}|\\^`\x00 \t\r\n()'@"


class Terms:
    """One @context, whole: the user's terms under those of the core, which nobody may redefine.

    given: what to put under @context in an answer: an address, or the list as it was sent.
    """

    def __init__(self, terms: Mapping[str, str], given: str | list[Any]) -> None:
        self.given = given
        self._terms = {**terms, **_core_terms()}
        self._names = {iri: term for term, iri in {**terms, **_core_terms()}.items()}
        self._expanded: dict[str, str] = {}
        self._compacted: dict[str, str] = {}

    def expand(self, term: str) -> str:
        """Return the IRI a name stands for. Raises BadRequestData for what cannot be a name."""
        known = self._expanded.get(term)
        if known is None:
            known = self._expand(term)
            if len(self._expanded) < _KEPT:
                self._expanded[term] = known
        return known

    def compact(self, iri: str) -> str:
        """Return the shortest name of an IRI; the IRI itself when it has none."""
        known = self._compacted.get(iri)
        if known is None:
            known = self._compact(iri)
            if len(self._compacted) < _KEPT:
                self._compacted[iri] = known
        return known

    def _expand(self, term: str) -> str:
        if not term or len(term) > LONGEST_NAME or term in ("id", "type") or any(c in term for c in _NO_NAME):
            raise bad(f"{term[:80]!r} cannot be a name. Write a term, or an absolute URI.")
        if found := self._terms.get(term):
            return found
        prefix, colon, rest = term.partition(":")
        if colon:
            return self._terms[prefix] + rest if prefix in self._terms and not rest.startswith("//") else term
        return DEFAULT_VOCAB + term

    def _compact(self, iri: str) -> str:
        if found := self._names.get(iri):
            return found
        if iri.startswith(DEFAULT_VOCAB):
            short = iri[len(DEFAULT_VOCAB) :]
            if not short or ":" in short:
                return iri
            # A term of the user's that means something else would be read back wrongly.
            return f"ngsi-ld:default-context/{short}" if short in self._terms else short
        return iri


def read_terms(documents: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return term → IRI of contexts given in order: a later one overrides an earlier one.

    documents: the objects under @context, addresses already replaced by what they hold.
    """
    raw: dict[str, Any] = {}
    for document in documents:
        raw.update(document)
    found: dict[str, str] = {}
    for term in raw:
        if not term.startswith("@"):
            iri = _iri_of(term, raw, 0)
            if iri is not None and ":" in iri:
                found[term] = iri
    return found


def _iri_of(term: str, raw: Mapping[str, Any], depth: int) -> str | None:
    """Return what a term stands for; None when it is switched off, a keyword's alias or defined in a circle."""
    definition = raw.get(term)
    text = definition.get("@id", term) if isinstance(definition, dict) else definition
    if not isinstance(text, str) or text.startswith("@") or depth > 8:
        return None
    prefix, colon, rest = text.partition(":")
    if colon and prefix in raw and prefix != term and not rest.startswith("//"):
        base = _iri_of(prefix, raw, depth + 1)
        return None if base is None else base + rest
    if colon:
        return text
    vocab = raw.get("@vocab")
    if text != term and text in raw:
        return _iri_of(text, raw, depth + 1)
    return f"{vocab}{text}" if isinstance(vocab, str) else f"{DEFAULT_VOCAB}{text}"


@functools.cache
def core_document() -> dict[str, Any]:
    """Return the core @context as ETSI publishes it."""
    return msgspec.json.decode(files(__package__).joinpath("core.jsonld").read_bytes())  # type: ignore[no-any-return]


@functools.cache
def _core_terms() -> dict[str, str]:
    return {term: iri for term, iri in read_terms([core_document()["@context"]]).items() if term not in ("id", "type")}


CORE = Terms({}, CORE_URL)
"""What holds when a request brings no @context."""
