# SPDX-License-Identifier: Apache-2.0
"""Messages: gather every text a person reads, and compile the translations, without the gettext programs.

    python tools/messages.py extract    bring the .po files up to date; a new text comes in untranslated
    python tools/messages.py compile    make the .mo files
    python tools/messages.py missing    list texts without English; exit 1 when there are any

The kernel's texts stand in `_()` calls, `{% translate %}` tags and the policy. A pack's are those of its declarations that hold a
Chinese character (names, answers, meanings, classes of scales), of its scheme's tables and of its models, so that a pack author
wraps nothing.
"""

from __future__ import annotations

import ast
import csv
import dataclasses
import io
import os
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_python
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "chengyun"
KEYWORDS = {
    **DEFAULT_KEYWORDS, "gettext_lazy": None, "gettext_noop": None, "ngettext_lazy": (1, 2), "pgettext_lazy": ((1, "c"), 2),
}  # fmt: skip
CHINESE = re.compile(r"[\u3400-\u9fff]")
SAID_OF_A_SCHEME = ("kind", "major", "minor", "clause", "source")
"""Columns of the tables of a scheme that people read; the others hold codes, days and the names of bodies."""
VARYING = re.compile(r'"(POT-Creation-Date|PO-Revision-Date|Last-Translator|Language-Team|Generated-By):.*\\n"\n')
HEADER = "# SPDX-License-Identifier: Apache-2.0\n# English of the Chinese source texts."

Message = tuple[str | tuple[str, str], str | None, str, int]
"""msgid (or singular and plural), context, file, line."""


def _found(messages: Any, file: str) -> Iterator[Message]:
    for line, function, texts, _comments in messages:
        spec = KEYWORDS.get(function) or (1,)
        parts = (texts,) if isinstance(texts, str) else tuple(texts or ())
        if len(parts) < len(spec):
            continue
        context = next((parts[part[0] - 1] for part in spec if isinstance(part, tuple)), None)
        texts_of = [parts[part - 1] for part in spec if isinstance(part, int)]
        if texts_of and all(isinstance(text, str) and text for text in texts_of):
            yield (texts_of[0] if len(texts_of) == 1 else (texts_of[0], texts_of[1])), context, file, line


def _within(source: str) -> Iterator[tuple[int, str, tuple[str, ...], list[str]]]:
    """Yield the calls inside formatted strings, which to Python's tokens of 3.11 are text."""
    calls = (call for text in ast.walk(ast.parse(source)) if isinstance(text, ast.JoinedStr) for call in ast.walk(text))
    for call in calls:
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in {"_", *KEYWORDS}:
            texts = [it.value for it in call.args if isinstance(it, ast.Constant) and isinstance(it.value, str)]
            if texts:
                yield call.lineno, call.func.id, tuple(texts), []


def kernel_messages() -> Iterator[Message]:
    """Yield the texts of the kernel's Python files and templates, file by file."""
    from django.conf import settings

    if not settings.configured:
        settings.configure()
    from django.utils.translation.template import templatize

    for path in sorted([*SOURCE.rglob("*.py"), *SOURCE.rglob("*.html"), *SOURCE.rglob("*.txt")]):
        relative = path.relative_to(ROOT).as_posix()
        if "/packs/" in relative or "/migrations/" in relative or "/static/" in relative:
            continue
        text = path.read_text(encoding="utf-8")
        # What templatize leaves of the layout would be wrong indentation to a reader of Python.
        source = text if path.suffix == ".py" else "\n".join(map(str.strip, templatize(text, origin=relative).splitlines()))
        yield from _found(extract_python(io.BytesIO(source.encode()), KEYWORDS, [], {}), relative)
        if path.suffix == ".py":
            yield from _found(_within(text), relative)
    yield from _literals(SOURCE / "city" / "models.py", "src/chengyun/city/models.py")
    yield from _literals(SOURCE / "city" / "elements.py", "src/chengyun/city/elements.py")
    for declared in (
        SOURCE / "access" / "policy.toml",
        SOURCE / "cases" / "verification" / "rules.toml",
        SOURCE / "share" / "askonce" / "seconds.toml",
        SOURCE / "share" / "catalogue" / "elements.toml",
    ):
        yield from _texts(tomllib.loads(declared.read_text(encoding="utf-8")), declared.relative_to(ROOT).as_posix())


def pack_messages(module: str) -> Iterator[Message]:
    """Yield the Chinese texts of a pack's declarations, in declared order."""
    os.environ.setdefault("CHENGYUN_DATA", str(ROOT / "build"))
    from chengyun.city import load_city

    pack = load_city([module]).packs[module.rsplit(".", 1)[1]]
    for thing in (pack.pack, *pack.indicators):
        yield from _texts(thing, f"packs/{pack.key}")
    for table in sorted((pack.folder / "scheme").glob("*.csv")):
        with table.open(encoding="utf-8", newline="") as rows:
            for row in csv.DictReader(rows):
                for column in SAID_OF_A_SCHEME:
                    yield from _texts(row.get(column), f"packs/{pack.key}/scheme/{table.name}")
    if (evaluation := pack.folder / "evaluation.toml").exists():
        yield from _texts(tomllib.loads(evaluation.read_text(encoding="utf-8")), f"packs/{pack.key}/evaluation.toml")
    if (pack.folder / "models.py").exists():
        yield from _literals(pack.folder / "models.py", f"packs/{pack.key}/models.py")


def _literals(path: Path, file: str) -> Iterator[Message]:
    """Yield the Chinese texts of a register's model: names of its fields and choices, written without a wrapper."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield from _texts(node.value, file)


def _texts(thing: Any, file: str) -> Iterator[Message]:
    if isinstance(thing, str):
        if CHINESE.search(thing) and "\n" not in thing:
            yield thing, None, file, 0
    elif dataclasses.is_dataclass(thing):
        for field in dataclasses.fields(thing):
            if field.name != "sql":
                yield from _texts(getattr(thing, field.name), file)
    elif isinstance(thing, dict):
        for value in thing.values():
            yield from _texts(value, file)
    elif isinstance(thing, list | tuple):
        for value in thing:
            yield from _texts(value, file)


def catalogues() -> Iterator[tuple[Path, list[Message]]]:
    """Yield each .po file with the texts it must hold: the kernel's, then each pack's."""
    own = list(kernel_messages())
    yield SOURCE / "locale/en/LC_MESSAGES/django.po", own
    for folder in sorted((SOURCE / "packs").iterdir()):
        if (folder / "pack.py").exists():
            yield folder / "locale/en/LC_MESSAGES/django.po", list(pack_messages(f"chengyun.packs.{folder.name}"))


def _read(path: Path) -> Catalog:
    if not path.exists():
        return Catalog(locale="en")
    with path.open("rb") as source:
        return read_po(source, locale="en")


def _new(old: Catalog, messages: list[Message]) -> Catalog:
    new = Catalog(locale="en", header_comment=HEADER, fuzzy=False, project="chengyun", charset="utf-8")
    for text, context, file, _line in messages:
        known = old.get(text if isinstance(text, str) else text[0], context)
        new.add(text, known.string if known else None, locations=[(file, None)], context=context)
    return new


def extract() -> int:
    """Write the .po files anew: same texts, same order, translations kept; texts no longer used go."""
    for path, messages in catalogues():
        catalogue = _new(_read(path), messages)
        out = io.BytesIO()
        write_po(out, catalogue, width=120, omit_header=False, include_lineno=False, sort_output=True)
        # Dates and names would change the file when nothing else did.
        text = re.sub(
            r'"(POT-Creation-Date|PO-Revision-Date|Last-Translator|Language-Team|Generated-By):.*\\n"\n',
            "",
            out.getvalue().decode(),
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(f"{path.relative_to(ROOT)}: {len(catalogue)} texts, {len(list(untranslated(catalogue)))} without English")
    return 0


def untranslated(catalogue: Catalog) -> Iterator[str]:
    """Yield the texts that have no English."""
    for message in catalogue:
        if message.id:
            strings = message.string if isinstance(message.string, tuple | list) else [message.string]
            if not all(strings):
                yield message.id if isinstance(message.id, str) else message.id[0]


def missing() -> list[str]:
    """Return `file: text` for every text in the sources that the .po files leave without English."""
    return [
        f"{path.relative_to(ROOT)}: {text}"
        for path, messages in catalogues()
        for text in untranslated(_new(_read(path), messages))
    ]


def compile_all() -> int:
    """Write a .mo beside every .po."""
    for path in sorted(SOURCE.rglob("*.po")):
        with path.with_suffix(".mo").open("wb") as out:
            write_mo(out, _read(path))
    return 0


def main(arguments: list[str]) -> int:
    match arguments:
        case ["extract"]:
            return extract()
        case ["compile"]:
            return compile_all()
        case ["missing"]:
            lines = missing()
            print("\n".join(lines) or "Every text has its English.")
            return 1 if lines else 0
    print(__doc__)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
