# SPDX-License-Identifier: Apache-2.0
"""Files in, statements out: registration and changes, tax, licences; and Chicago's business licences as a foreign example."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import BinaryIO

from chengyun.city import Malformed, RegisterFeed, Stated, read_day, read_statements
from chengyun.standards.chinese_numbers import half_width
from chengyun.standards.identifiers import Fault, read
from chengyun.standards.lines import malformed, read_lines, real

KIND = {"企业": "company", "个体工商户": "trader", "农民专业合作社": "cooperative", "社会组织": "association"}
STANDING = {"存续": "active", "在业": "active", "吊销": "revoked", "注销": "cancelled", "迁出": "moved", "有效": "issued"}
RELATION = {
    "股东": "shareholder",
    "法定代表人": "representative",
    "分支机构": "branch",
    "高级管理人员": "manager",
    "高管": "manager",
}
CHICAGO = (
    "ACCOUNT_NUMBER", "ZIP_CODE", "LICENSE_DESCRIPTION", "BUSINESS_ACTIVITY", "LICENSE_NUMBER", "APPLICATION_TYPE",
    "LICENSE_TERM_START_DATE", "LICENSE_TERM_EXPIRATION_DATE", "LICENSE_STATUS", "LATITUDE", "LONGITUDE",
)  # fmt: skip
CHICAGO_STANDING = {"AAI": "issued", "AAC": "cancelled", "REV": "revoked", "REA": "revoked"}
"""AAI issued, AAC cancelled, REV revoked, REA revoked and appealed."""


def _code(cell: str) -> str:
    found = read("uscc", cell)
    if isinstance(found, Fault):
        raise ValueError(found.sentence())
    return half_width(cell).upper()


def read_enterprises(file: BinaryIO, name: str) -> Iterator[Stated | Malformed]:
    """Read legal entities as registered; a later row of the same code is a change from its day on."""
    columns = {
        "统一社会信用代码": "key", "名称": "name", "类型": "kind", "登记状态": "standing", "法定代表人": "representative",
        "成立日期": "established", "注册资本": "capital", "行业代码": "industry", "经营范围": "scope", "住所": "address",
        "区域": "area_code", "登记机关": "registrar",
    }  # fmt: skip
    coded = {
        "key": _code,
        "kind": lambda it: KIND.get(it, it),
        "standing": lambda it: STANDING.get(it, it),
        "established": read_day,
    }
    for one in read_statements(file, name, "enterprise", columns, since="变更日期", read=coded):
        yield (
            Stated(one.entity, one.key, {**one.values, "uscc": one.key}, one.since, one.until, one.line)
            if isinstance(one, Stated)
            else one
        )


def read_taxpayers(file: BinaryIO, name: str) -> Iterator[Stated | Malformed]:
    """Read legal entities as the tax office knows them: where they are in truth, how to reach them."""
    columns = {
        "统一社会信用代码": "key",
        "纳税人名称": "name",
        "生产经营地址": "address",
        "联系电话": "phone",
        "登记状态": "standing",
    }
    coded = {"key": _code, "standing": lambda it: STANDING.get(it, it)}
    yield from read_statements(file, name, "enterprise", columns, since="登记日期", read=coded)


def read_licences(file: BinaryIO, name: str) -> Iterator[Stated | Malformed]:
    """Read licences, one row a term; 有效期止 is the last day of it."""
    columns = {
        "许可证编号": "key", "统一社会信用代码": "enterprise", "许可类别": "kind", "许可事项": "activity", "状态": "standing",
        "发证机关": "registrar",
    }  # fmt: skip
    coded = {"standing": lambda it: STANDING.get(it, it), "enterprise": _code}
    for one in read_statements(file, name, "licence", columns, since="有效期起", until="有效期止", read=coded):
        yield _through_last_day(one)


def read_relations(file: BinaryIO, name: str) -> Iterator[Stated | Malformed]:
    """Read who holds, runs and belongs to whom."""
    columns = {
        "编号": "key", "统一社会信用代码": "enterprise", "关系": "kind", "关联方代码": "other", "关联人": "person",
        "比例": "share",
    }  # fmt: skip
    coded = {"kind": lambda it: RELATION.get(it, it)}
    yield from read_statements(file, name, "relation", columns, since="起始日期", until="终止日期", read=coded)


def read_chicago(file: BinaryIO, name: str) -> Iterator[Stated | Malformed]:
    """Read the City of Chicago's business licences of food establishments, one row a term of a licence.

    The holder is the account (its name is not in the file); a licence is its number, and each row one of its terms.
    """
    known: set[str] = set()
    for line in read_lines(file, name, CHICAGO):
        if isinstance(line, Malformed):
            yield line
            continue
        at, row = line
        try:
            number, account = _whole(row["LICENSE_NUMBER"]), _whole(row["ACCOUNT_NUMBER"])
            begin, end = read_day(row["LICENSE_TERM_START_DATE"]), read_day(row["LICENSE_TERM_EXPIRATION_DATE"])
            status = row["LICENSE_STATUS"].strip()
            if status not in CHICAGO_STANDING:
                raise ValueError(f"LICENSE_STATUS is {status[:20]!r}, expected one of {', '.join(CHICAGO_STANDING)}")
            lat, lon = real(row["LATITUDE"], "LATITUDE", -90, 90), real(row["LONGITUDE"], "LONGITUDE", -180, 180)
        except ValueError as wrong:
            yield malformed(name, at, str(wrong))
            continue
        holder = f"US-CHI-{account}"
        if holder not in known:
            known.add(holder)
            yield Stated(
                "enterprise", holder, {"name": f"Account {account}", "kind": "foreign", "registrar": "City of Chicago"}, line=at
            )
        values = {
            "enterprise": holder, "number": number, "kind": row["LICENSE_DESCRIPTION"].strip()[:120], "lat": lat, "lon": lon,
            "activity": row["BUSINESS_ACTIVITY"].strip()[:300], "application": row["APPLICATION_TYPE"].strip()[:20],
            "standing": CHICAGO_STANDING[status], "registrar": "City of Chicago", "name": f"License {number}",
        }  # fmt: skip
        yield _through_last_day(Stated("licence", f"US-CHI-{number}", values, begin, end, at))


def _whole(text: str) -> str:
    """Return a whole number that a table kept as a decimal: 30790.0 → 30790."""
    bare = text.strip().removesuffix(".0")
    if not bare.isdigit():
        raise ValueError(f"{text[:30]!r} is not a whole number")
    return bare


def _through_last_day(one: Stated | Malformed) -> Stated | Malformed:
    """Return a statement whose end is the day after the last one it names."""
    if isinstance(one, Malformed) or one.until is None:
        return one
    return Stated(one.entity, one.key, one.values, one.since, one.until + dt.timedelta(days=1), one.line)


FEEDS = (
    RegisterFeed("enterprises", "市场主体登记", entity="enterprise", authority="market", read=read_enterprises),
    RegisterFeed("taxpayers", "税务登记", entity="enterprise", authority="tax", read=read_taxpayers),
    RegisterFeed("licences", "许可证", entity="licence", authority="market", read=read_licences),
    RegisterFeed("relations", "股权与任职", entity="relation", authority="market", read=read_relations),
    RegisterFeed("chicago_licences", "许可证（芝加哥）", entity="licence", authority="foreign", read=read_chicago),
)
