# SPDX-License-Identifier: Apache-2.0
"""The guide's spreadsheet: one row a resource, one row an item, in the words of the guide; out and in again without loss.

Reading collects every fault with its sheet and cell before anything is written. Which cell a rule speaks of is known too.
"""

from __future__ import annotations

import datetime as dt
import functools
import io
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any

from django.utils.translation import gettext as _

from chengyun.access.hints import meant
from chengyun.city.elements import ELEMENT_TYPES
from chengyun.errors import Refused
from chengyun.share.catalogue.records import Record
from chengyun.share.catalogue.vocabulary import CYCLES, SHARING, WAYS

RESOURCES, ITEMS = "信息资源", "信息项"
LARGEST = 20_000
"""Rows of a sheet; a larger catalogue is moved as DCAT, or in parts."""
MOST_BYTES, MOST_ROWS = 200 << 20, 5 * LARGEST
"""What a workbook may unpack to, and the rows it may hold, empty ones too: counted before the slow reading begins."""
MOST_FAULTS = 1_000
"""Faults that are named; whoever has so many has brought another table."""
SEPARATORS = re.compile(r"[；;、\n]+")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
YES, NO = "是", "否"
SECRET, PLAIN = "涉密", "非涉密"


@dataclass(frozen=True, slots=True)
class CellFault:
    """sheet, cell: where, as in 信息资源 and H7. says: what is wrong and what to do."""

    sheet: str
    cell: str
    says: str


@dataclass(slots=True)
class SheetRow:
    """A resource as read. values: as fields.py names them, provider by name; cells: field → its cell; items: with their cells."""

    number: int
    key: str
    provider: str
    provider_code: str
    values: dict[str, Any]
    cells: dict[str, str]
    items: list[dict[str, Any]] = field(default_factory=list)
    item_cells: list[dict[str, str]] = field(default_factory=list)


Reader = Callable[[str], Any]


def _text(word: str) -> str:
    return word


def _words(word: str) -> list[str]:
    return [part.strip() for part in SEPARATORS.split(word) if part.strip()]


def _flag(word: str) -> bool:
    if word not in (YES, NO, ""):
        raise ValueError(_("应为“是”或“否”"))
    return word == YES


def _secret(word: str) -> bool:
    if word not in (SECRET, PLAIN, ""):
        raise ValueError(_("应为“涉密”或“非涉密”"))
    return word == SECRET


def _day(word: str) -> str | None:
    if not word:
        return None
    try:
        return dt.date.fromisoformat(word[:10].replace("/", "-")).isoformat()
    except ValueError as wrong:
        raise ValueError(_("应为 YYYY-MM-DD 形式的日期（GB/T 7408）")) from wrong


def _coded(words: Mapping[str, Any]) -> Reader:
    # A word is looked up for every cell, its Chinese found by changing the language: once is enough.
    known = functools.cache(lambda: _by_word(words))

    def read(word: str) -> str:
        if word in words:
            return word
        codes = known()
        if word not in codes:
            raise ValueError(_("应为 %(known)s 之一。%(hint)s") % {"known": "、".join(codes), "hint": meant(word, codes)})
        return codes[word]

    return read


def _ways(word: str) -> list[str]:
    return [_coded(WAYS)(part) for part in _words(word)]


def _number(word: str) -> int | None:
    if not word:
        return None
    if not word.isascii() or not word.isdigit() or len(word) > 10 or not 0 < int(word) < 2**31:
        raise ValueError(_("应为正整数或空"))
    return int(word)


def _type(word: str) -> str:
    names: dict[str, str] = {name: letter for letter, name in ELEMENT_TYPES.items()}
    # C, 字符型 and 字符型C are all met in tables filled by hand.
    letter = names.get(word) or names.get(word[:-1]) or word.upper()
    if letter not in ELEMENT_TYPES:
        raise ValueError(_("应为数据类型的字母：%s") % "、".join(f"{key} {name}" for key, name in ELEMENT_TYPES.items()))
    return letter


COLUMNS: Sequence[tuple[str, str, Reader]] = (
    ("key", "标识", _text),
    ("class_code", "信息资源分类", _text),
    ("name", "信息资源名称", _text),
    ("code", "信息资源代码", _text),
    ("provider", "信息资源提供方", _text),
    ("provider_code", "提供方代码", _text),
    ("summary", "信息资源摘要", _text),
    ("formats", "信息资源格式", _words),
    ("sharing", "共享类型", _coded(SHARING)),
    ("condition", "共享条件", _text),
    ("ways", "共享方式", _ways),
    ("basis", "不予共享的依据", _text),
    ("open", "是否向社会开放", _flag),
    ("open_condition", "开放条件", _text),
    ("cycle", "更新周期", _coded(CYCLES)),
    ("published_on", "发布日期", _day),
    ("related", "关联资源代码", _words),
    ("secret", "涉密属性", _secret),
    ("name_en", "英文名称", _text),
    ("keywords", "关键词", _words),
    ("personal", "含个人信息", _flag),
    ("contact", "联系方式", _text),
    ("url", "网址", _text),
)
NEEDED = ("信息资源名称", "信息资源提供方", "共享类型", "更新周期")
ITEM_COLUMNS: Sequence[tuple[str, str, Reader]] = (
    ("of", "标识", _text),
    ("resource", "信息资源名称", _text),
    ("provider", "信息资源提供方", _text),
    ("key", "字段", _text),
    ("name", "信息项名称", _text),
    ("type", "数据类型", _type),
    ("length", "长度", _number),
    ("definition", "说明", _text),
    ("personal", "个人信息", _flag),
    ("element", "数据元", _text),
    ("source_of_record", "数据源", _flag),
)


def write_workbook(records: Iterable[Record], out: IO[bytes]) -> int:
    """Write records as an .xlsx; returns how many. One row at a time: a large catalogue does not fill the memory."""
    from openpyxl import Workbook  # only who exports pays for it
    from openpyxl.cell import WriteOnlyCell

    book = Workbook(write_only=True)
    resources, items = book.create_sheet(RESOURCES), book.create_sheet(ITEMS)

    def row(sheet: Any, texts: Iterable[str]) -> None:
        cells = []
        for text in texts:
            cell = WriteOnlyCell(sheet, _CONTROL.sub("", text)[:32_767])
            cell.data_type = "s"  # a name that begins with "=" is a name, not a formula
            cells.append(cell)
        sheet.append(cells)

    for sheet, columns in ((resources, COLUMNS), (items, ITEM_COLUMNS)):
        sheet.freeze_panes = "A2"
        row(sheet, [title for _name, title, _read in columns])
    count = 0
    for record in records:
        count += 1
        row(resources, [_said(record, name) for name, _title, _read in COLUMNS])
        for item in record.items:
            first = [record.resource.key, record.resource.name, record.resource.provider_name]
            row(items, [*first, *(_item_said(item, name) for name, _title, _read in ITEM_COLUMNS[3:])])
    book.save(out)
    return count


def read_workbook(data: bytes) -> tuple[list[SheetRow], list[CellFault]]:
    """Return the rows of an .xlsx in the guide's form, and every cell that cannot be read. Raises Refused for another file."""
    from openpyxl import load_workbook

    _refuse_huge(data)
    try:
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    except Exception as wrong:  # openpyxl raises whatever its parts raise
        raise Refused(_("文件不是可读的 .xlsx 工作簿；请用本系统导出的表格填写后再导入。"), code="workbook") from wrong
    missing = [name for name in (RESOURCES, ITEMS) if name not in book.sheetnames]
    if missing:
        raise Refused(_("工作簿缺少工作表“%s”；请用本系统导出的表格填写。") % "、".join(missing), code="sheet_missing")
    faults: list[CellFault] = []
    rows: dict[tuple[str, str], SheetRow] = {}
    found: list[SheetRow] = []
    for number, said, cells in _rows(book[RESOURCES], COLUMNS, NEEDED, faults):
        key, provider, code = said.pop("key", ""), said.pop("provider", ""), said.pop("provider_code", "")
        one = SheetRow(number, key, provider, code, said, cells)
        named = (said.get("name", ""), provider)
        if named in rows and not (key and rows[named].key):
            faults.append(
                CellFault(
                    RESOURCES,
                    cells["name"],
                    _("与第 %d 行同名同提供方；名称在提供方内唯一。") % rows[named].number,
                )
            )
        rows[named] = one
        found.append(one)
    by_key = {one.key: one for one in found if one.key}
    for _at, said, cells in _rows(book[ITEMS], ITEM_COLUMNS, ("信息资源名称", "信息项名称", "数据类型"), faults):
        key, name, provider = said.pop("of", ""), said.pop("resource", ""), said.pop("provider", "")
        owner = next((one for one in (by_key.get(key), rows.get((name, provider))) if one is not None), None)
        if owner is None:
            hint = meant(name, [known for known, _provider in rows])
            faults.append(CellFault(ITEMS, cells["resource"], _("“信息资源”表中没有此名称和提供方的资源。%s") % hint))
            continue
        said["key"] = said.get("key") or said.get("name", "")
        owner.items.append(
            {"element": None, "definition": "", "length": None, "personal": False, "source_of_record": False, **said}
        )
        owner.items[-1]["element"] = owner.items[-1]["element"] or None
        owner.item_cells.append(cells)
    book.close()
    return found, faults


def _refuse_huge(data: bytes) -> None:
    """Raise Refused for a workbook that unpacks to more than anybody's catalogue: half a megabyte can hold millions of rows."""
    rows = 0
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            large = sum(one.file_size for one in archive.infolist()) > MOST_BYTES
            for one in archive.infolist() if not large else ():
                if one.filename.startswith("xl/worksheets/"):
                    rows += _rows_in(archive, one)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, OSError, RuntimeError, EOFError, ValueError):
        return  # no workbook at all: said so by whoever opens it
    if large or rows > MOST_ROWS:
        raise Refused(_("工作簿展开后过大：每张表至多 %d 行。请删去空行，或分成几个文件。") % LARGEST, code="too_large")


def _rows_in(archive: zipfile.ZipFile, one: zipfile.ZipInfo) -> int:
    """Count the rows of a sheet, as far as it matters."""
    rows, rest = 0, b""
    with archive.open(one) as opened:
        while rows <= MOST_ROWS and (chunk := opened.read(1 << 20)):
            rows += (rest + chunk).count(b"<row")
            rest = chunk[-3:]
    return rows


def _rows(
    sheet: Any, columns: Sequence[tuple[str, str, Reader]], needed: Sequence[str], faults: list[CellFault]
) -> Iterable[Any]:
    """Yield (row number, field → value, field → cell) of every row that is not empty; what cannot be read goes to faults."""
    from openpyxl.utils import get_column_letter

    known = {title: (name, read) for name, title, read in columns}
    places: dict[int, tuple[str, Reader]] = {}
    for number, cells in enumerate(sheet.iter_rows(values_only=True), 1):
        if number == 1:
            for at, title in enumerate(cells):
                word = str(title or "").strip()
                if word in known:
                    places[at] = known[word]
                elif word:
                    hint = meant(word, known)
                    faults.append(
                        CellFault(
                            sheet.title,
                            f"{get_column_letter(at + 1)}1",
                            _("不认识的列“%(column)s”。%(hint)s") % {"column": word, "hint": hint},
                        )
                    )
            absent = [title for title in needed if title not in {str(it or "").strip() for it in cells}]
            if absent:
                faults.append(CellFault(sheet.title, "A1", _("缺少列：%s") % "、".join(absent)))
                return
            continue
        if len(faults) >= MOST_FAULTS:
            faults.append(CellFault(sheet.title, f"A{number}", _("错误超过 %d 处，以下不再逐一列出。") % MOST_FAULTS))
            return
        if number > LARGEST + 1:
            faults.append(CellFault(sheet.title, f"A{number}", _("至多 %d 行；请分成几个文件。") % LARGEST))
            return
        if not any(str(it or "").strip() for it in cells):
            continue
        said: dict[str, Any] = {}
        where: dict[str, str] = {}
        for at, (name, read) in places.items():
            value = cells[at] if at < len(cells) else None
            where[name] = f"{get_column_letter(at + 1)}{number}"
            try:
                said[name] = read(_plain(value))
            except ValueError as wrong:
                says = _("现为“%(found)s”，%(expected)s") % {"found": _plain(value), "expected": wrong}
                faults.append(CellFault(sheet.title, where[name], says))
                said[name] = _nothing(read)
        yield number, said, where


def _nothing(read: Reader) -> Any:
    try:
        return read("")
    except ValueError:
        return ""


def _plain(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, dt.datetime):
        return value.date().isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _said(record: Record, name: str) -> str:
    one = record.resource
    if name == "provider":
        return one.provider_name
    if name == "provider_code":
        return record.provider_code
    value = getattr(one, name)
    if name == "secret":
        return SECRET if value else PLAIN
    if name in ("sharing", "cycle"):
        return _source_text((SHARING if name == "sharing" else CYCLES)[value])
    if name == "ways":
        return "；".join(_source_text(WAYS[way]) for way in value)
    if isinstance(value, bool):
        return YES if value else NO
    if isinstance(value, list):
        return "；".join(value)
    return "" if value is None else str(value)


def _item_said(item: Any, name: str) -> str:
    value = item.element_id if name == "element" else getattr(item, name)
    if isinstance(value, bool):
        return YES if value else NO
    return "" if value is None else str(value)


def _source_text(text: Any) -> str:
    """Return a code's Chinese word, whatever language is being spoken: the file is the guide's."""
    from django.utils.translation import override

    with override("zh-hans"):
        return str(text)


def _by_word(words: Mapping[str, Any]) -> dict[str, str]:
    return {_source_text(text): code for code, text in words.items()}
