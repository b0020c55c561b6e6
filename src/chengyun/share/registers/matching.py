# SPDX-License-Identifier: Apache-2.0
"""Which records of two sources are of one thing: probabilistic linkage (Fellegi and Sunter, 1969) by Splink on DuckDB.

    two tables → one plain form of every field → pairs that share something (blocking) → per comparison, bits of evidence
    → one partner at most for each record → taken, to be looked at by a person, or left

How much a field's agreement says is learnt from the two tables themselves, without examples. A weight is about two records, how
likely they are to be of one thing; it is no score of a person and says nothing of one.

Names are also compared by sound (pinyin), dates also with month and day exchanged, identity numbers also by whether both check:
two different numbers that both check are two people, twins above all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chengyun.errors import Refused, Unavailable

if TYPE_CHECKING:
    import duckdb

__all__ = ["ROLES", "Match", "Matched", "Step", "match"]

ROLES = ("name", "number", "born", "sex", "phone", "address")
"""What a column can be in a comparison. name, or number, must be there."""
THRESHOLD, REVIEW_FROM = 0.98, 0.3
"""Probability from which a pair is taken, and from which a person looks at it."""
SAMPLED_PAIRS = 1_000_000
FEWEST_PAIRS = 30
"""Pairs there must be in a lesson: of fewer, what is learnt is chance."""
RAREST = 1e-7
"""Agreement by chance is taken to be no rarer: some numbers are typed wrong into another's."""
LIKELY_RECALL = 0.7
"""Of true pairs, how many agree in name and date or in number: only a first guess of how many there are."""
ROUNDS = 8
"""How often partners are given: each round settles all that are each other's best among those left."""


def gettext_noop(text: str) -> str:
    """Mark a text as one to translate. Django's own asks for settings, and a comparison needs none."""
    return text


LEVELS: Mapping[str, Sequence[tuple[str, str]]] = {
    "name": (
        ("name_l = name_r", gettext_noop("姓名相同")),
        ("sound_l = sound_r", gettext_noop("姓名同音")),
        ("least(length(name_l), length(name_r)) > 1 AND levenshtein(name_l, name_r) = 1", gettext_noop("姓名差一字")),
        ("surname_l = surname_r", gettext_noop("同姓")),
    ),
    "number": (
        ("number_l = number_r", gettext_noop("号码相同")),
        ("damerau_levenshtein(number_l, number_r) <= 2 AND NOT (checks_l AND checks_r)", gettext_noop("号码差一两位")),
        ("checks_l AND checks_r", gettext_noop("两个号码都有效而不同")),
    ),
    "born": (
        ("born_l = born_r", gettext_noop("出生日期相同")),
        ("born_l = swapped_r", gettext_noop("出生日期月日颠倒")),
        ("damerau_levenshtein(born_l, born_r) = 1", gettext_noop("出生日期差一位")),
        ("substr(born_l, 1, 4) = substr(born_r, 1, 4)", gettext_noop("出生年份相同")),
    ),
    "sex": (("sex_l = sex_r", gettext_noop("性别相同")),),
    "phone": (
        ("phone_l = phone_r", gettext_noop("电话相同")),
        ("damerau_levenshtein(phone_l, phone_r) = 1", gettext_noop("电话差一位")),
    ),
    "address": (
        ("address_l = address_r", gettext_noop("地址相同")),
        ("jaro_winkler_similarity(address_l, address_r) >= 0.95", gettext_noop("地址相近")),
    ),
}  # fmt: skip
"""Role → its levels, the strongest agreement first: a condition over the plain columns and what a person reads."""
OTHERWISE = {
    "name": gettext_noop("姓名不同"),
    "number": gettext_noop("号码不同"),
    "born": gettext_noop("出生日期不同"),
    "sex": gettext_noop("性别不同"),
    "phone": gettext_noop("电话不同"),
    "address": gettext_noop("地址不同"),
}
UNKNOWN = gettext_noop("一方未知")
PRIOR = gettext_noop("任意两条记录的起点")
_ID_WEIGHTS = tuple(pow(2, 18 - place, 11) for place in range(1, 18))
"""Standard: GB 11643-1999, 4.2."""

BLOCKS: Sequence[tuple[str, ...]] = (
    ("number",), ("name", "born"), ("phone",), ("surname", "born", "sex"), ("name", "address"), ("sound", "born"),
    ("sound", "swapped_key"), ("born", "address"),
)  # fmt: skip
"""Records are compared when they agree in all of one of these."""
NEEDS = {"surname": "name", "sound": "name", "swapped_key": "born"}


@dataclass(frozen=True, slots=True)
class Step:
    """What one comparison found, and what that adds in bits; below zero: it speaks against."""

    role: str
    says: str
    bits: float


@dataclass(frozen=True, slots=True)
class Match:
    """Two records. taken: certain enough; else a person looks at it. steps: why, the first being how rare a match is at all."""

    left: str
    right: str
    weight: float
    probability: float
    taken: bool
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Matched:
    """What a comparison of two tables came to. compared: pairs looked at. model: everything learnt, as Splink keeps it."""

    compared: int
    taken: int
    to_review: int
    model: Mapping[str, Any]
    connection: duckdb.DuckDBPyConnection
    roles: tuple[str, ...]

    def pairs(self, most: int | None = None) -> Iterator[Match]:
        """Yield the pairs with their reasons, best first."""
        columns = ", ".join(f"gamma_{role}, mw_{role}" for role in self.roles)
        limit = f"LIMIT {int(most)}" if most is not None else ""
        found = self.connection.execute(
            f"SELECT left_key, right_key, weight, probability, taken, {columns} FROM matching_pairs "  # noqa: S608  declared names
            f"ORDER BY weight DESC, left_key {limit}"
        )
        while rows := found.fetchmany(5_000):
            for row in rows:
                yield self._match(row)

    def _match(self, row: Sequence[Any]) -> Match:
        steps = []
        for at, role in enumerate(self.roles):
            level, bits = row[5 + 2 * at], row[6 + 2 * at]
            steps.append(Step(role, _says(role, level), float(bits)))
        prior = float(row[2]) - sum(step.bits for step in steps)
        return Match(row[0], row[1], row[2], row[3], bool(row[4]), (Step("prior", PRIOR, prior), *steps))


def match(
    connection: duckdb.DuckDBPyConnection, left: str, right: str, *,
    threshold: float = THRESHOLD, review_from: float = REVIEW_FROM,
) -> Matched:  # fmt: skip
    """Compare two tables of a DuckDB connection: a column `key`, and any of ROLES as text (born: YYYY-MM-DD).

    The pairs stand in its table `matching_pairs` afterwards. Raises Refused for a table without name and number, Unavailable
    without the extra `matching`.
    """
    try:
        import splink.comparison_level_library as levels
        from splink import DuckDBAPI, Linker, SettingsCreator, block_on
        from splink.comparison_library import CustomComparison
    except ImportError:
        raise Unavailable("Matching needs Splink; install chengyun[matching].", code="no_splink") from None
    if not 0 < review_from <= threshold < 1:
        raise Refused(f"threshold is {threshold}, review_from {review_from}: expected 0 < review_from ≤ threshold < 1.")
    roles = _roles(connection, left, right)
    for number, table in enumerate((left, right)):
        _plain(connection, table, f"matching_{number}", roles)
    roles = tuple(role for role in roles if all(_known(connection, number, role) for number in (0, 1)))
    if not {"name", "number"} & set(roles):
        raise Refused("Neither names nor numbers are known on both sides; there is nothing to compare by.", code="not_comparable")

    def comparison(role: str) -> CustomComparison:
        null = levels.CustomLevel(f"{role}_l IS NULL OR {role}_r IS NULL", UNKNOWN).configure(is_null_level=True)
        stages = [levels.CustomLevel(condition, says) for condition, says in LEVELS[role]]
        # Among pairs drawn by lot there are hardly two that agree in a number: how often that happens by chance is counted.
        stages[0].configure(u_probability=_by_chance(connection, role), fix_u_probability=True)
        if role in ("number", "phone"):
            stages[1].configure(u_probability=RAREST * 10, fix_u_probability=True)
        return CustomComparison(
            [null, *stages, levels.ElseLevel()], output_column_name=role, comparison_description=role
        )  # fmt: skip

    known = {*roles, *(derived for derived, of in NEEDS.items() if of in roles)}
    blocks: list[Any] = [block_on(*columns) for columns in BLOCKS if set(columns) <= known]
    settings = SettingsCreator(
        link_type="link_only", comparisons=[comparison(role) for role in roles], blocking_rules_to_generate_predictions=blocks,
        retain_intermediate_calculation_columns=True, retain_matching_columns=True, max_iterations=20,
    )  # fmt: skip
    sure: list[Any] = [block_on(*columns) for columns in (("number",), ("name", "born")) if set(columns) <= known]
    lessons = [
        columns
        for columns in (("number",), ("name", "born"), ("phone",))
        if set(columns) <= known and len(set(roles) - set(columns)) > 1 and _agreeing(connection, columns) >= FEWEST_PAIRS
    ]
    if not sure or not lessons:
        raise Refused(
            f"Fewer than {FEWEST_PAIRS} pairs agree in number, or in name and date of birth: that is too little to learn from.",
            code="too_few_to_learn",
        )
    api = DuckDBAPI(connection=connection)
    linker = Linker([api.register(f"matching_{number}", dataset_display_name=side) for number, side in enumerate("lr")], settings)
    linker.training.estimate_probability_two_random_records_match(sure, recall=LIKELY_RECALL)
    linker.training.estimate_u_using_random_sampling(max_pairs=SAMPLED_PAIRS, seed=1)
    for columns in lessons:
        # Left to itself, the share of true pairs among these may come out as 1, whose logarithm is none.
        linker.training.estimate_parameters_using_expectation_maximisation(
            block_on(*columns), fix_probability_two_random_records_match=True
        )
    predicted = linker.inference.predict(threshold_match_probability=review_from / 10)
    compared = int(connection.execute(f"SELECT count(*) FROM {predicted.physical_name}").fetchall()[0][0])  # noqa: S608
    _assign(connection, predicted.physical_name, roles, threshold, review_from)
    counts = connection.execute("SELECT count(*) FILTER (taken), count(*) FILTER (NOT taken) FROM matching_pairs").fetchall()[0]
    model = linker.misc.save_model_to_json()
    predicted.drop_table_from_database_and_remove_from_cache()
    return Matched(compared, int(counts[0]), int(counts[1]), model, connection, roles)


def _roles(connection: duckdb.DuckDBPyConnection, left: str, right: str) -> tuple[str, ...]:
    columns = [{row[0] for row in connection.execute(f"DESCRIBE {table}").fetchall()} for table in (left, right)]
    roles = tuple(role for role in ROLES if all(role in found for found in columns))
    if any("key" not in found for found in columns) or not {"name", "number"} & set(roles):
        raise Refused("Both tables need a column key, and name or number, to be compared.", code="not_comparable")
    return roles


def _plain(connection: duckdb.DuckDBPyConnection, table: str, into: str, roles: Sequence[str]) -> None:
    """Make a table with every field in one plain form, what is empty as NULL, and what is derived from it."""
    parts = ["CAST(key AS VARCHAR) AS unique_id"]
    if "name" in roles:
        _sounds(connection, table)
        parts += ["NULLIF(trim(name), '') AS name", "sounds.sound AS sound", "NULLIF(substr(trim(name), 1, 1), '') AS surname"]
    if "number" in roles:
        # One of fifteen digits, as they were before 1999, gets its century and its check character.
        plain = "upper(regexp_replace(number, '[^0-9Xx]', '', 'g'))"
        longer = f"concat(substr({plain}, 1, 6), '19', substr({plain}, 7))"
        raised = f"CASE length({plain}) WHEN 15 THEN concat({longer}, {_check(longer)}) WHEN 18 THEN {plain} END"
        parts.append(f"{raised} AS number")
    if "born" in roles:
        born = "NULLIF(trim(born), '')"
        parts += [
            f"{born} AS born", "concat(substr(born, 1, 4), '-', substr(born, 9, 2), '-', substr(born, 6, 2)) AS swapped",
            f"concat(substr({born}, 1, 4), '-', least(substr(born, 6, 2), substr(born, 9, 2)), '-', "
            "greatest(substr(born, 6, 2), substr(born, 9, 2))) AS swapped_key",
        ]  # fmt: skip
    if "sex" in roles:
        parts.append("NULLIF(trim(sex), '') AS sex")
    if "phone" in roles:
        parts.append("NULLIF(regexp_replace(phone, '[^0-9]', '', 'g'), '') AS phone")
    if "address" in roles:
        wide, narrow = "０１２３４５６７８９（）－", "0123456789()-"
        one = f"regexp_replace(translate(address, '{wide}', '{narrow}'), '栋|座|号楼', '幢', 'g')"
        parts.append(f"NULLIF(regexp_replace({one}, '\\s', '', 'g'), '') AS address")
    joined = f"LEFT JOIN matching_sounds AS sounds ON sounds.name = trim({table}.name)" if "name" in roles else ""
    qualified = ", ".join(parts).replace("trim(name)", f"trim({table}.name)")
    checks = f", coalesce(substr(number, 18, 1) = {_check('number')}, false) AS checks" if "number" in roles else ""
    connection.execute(
        f"CREATE OR REPLACE TABLE {into} AS SELECT *{checks} FROM (SELECT {qualified} FROM {table} {joined})"  # noqa: S608
    )


def _known(connection: duckdb.DuckDBPyConnection, number: int, role: str) -> bool:
    return bool(connection.execute(f"SELECT count({role}) FROM matching_{number}").fetchall()[0][0])  # noqa: S608


def _agreeing(connection: duckdb.DuckDBPyConnection, columns: Sequence[str]) -> int:
    """Return how many pairs agree in all of some columns."""
    return int(
        connection.execute(f"SELECT count(*) FROM matching_0 JOIN matching_1 USING ({', '.join(columns)})").fetchall()[0][0]  # noqa: S608
    )


def _by_chance(connection: duckdb.DuckDBPyConnection, role: str) -> float:
    """Return how often two records of different things agree in a field: all pairs that agree but those of one thing."""
    agreeing, left, right = connection.execute(
        f"""
        WITH l AS (SELECT {role} AS it, count(*) AS times FROM matching_0 WHERE {role} IS NOT NULL GROUP BY 1),
            r AS (SELECT {role} AS it, count(*) AS times FROM matching_1 WHERE {role} IS NOT NULL GROUP BY 1)
        SELECT coalesce((SELECT sum(l.times * r.times) FROM l JOIN r USING (it)), 0), (SELECT sum(times) FROM l),
            (SELECT sum(times) FROM r)
        """  # noqa: S608  declared names
    ).fetchall()[0]
    if not left or not right:
        return RAREST
    return float(max(RAREST, min(0.5, (float(agreeing) - min(left, right)) / (float(left) * float(right)))))


def _check(body: str) -> str:
    """Return SQL for the check character of an identity number's first seventeen (GB 11643-1999)."""
    total = " + ".join(f"{weight} * try_cast(substr({body}, {at}, 1) AS INT)" for at, weight in enumerate(_ID_WEIGHTS, 1))
    return f"substr('10X98765432', 1 + ({total}) % 11, 1)"


def _sounds(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    """Make the table of how names sound, without tones; a character nobody pronounces is its own sound."""
    import pyarrow as pa
    from pypinyin import lazy_pinyin

    names = [row[0] for row in connection.execute(f"SELECT DISTINCT trim(name) FROM {table} WHERE name <> ''").fetchall()]  # noqa: S608
    sounds = {character: lazy_pinyin(character)[0] for character in {one for name in names for one in name}}
    told = pa.table({"name": names, "sound": [" ".join(sounds[one] for one in name) for name in names]})
    connection.register("matching_told", told)
    connection.execute("CREATE OR REPLACE TABLE matching_sounds AS SELECT name, sound FROM matching_told")
    connection.unregister("matching_told")


def _assign(
    connection: duckdb.DuckDBPyConnection, predicted: str, roles: Sequence[str], threshold: float, review_from: float
) -> None:  # fmt: skip
    """Give each record one partner at most: round by round those that are each other's best among what is left.

    Of two equally good partners neither is taken without a look: which it is, the records do not say.
    """
    columns = ", ".join(f"gamma_{role}, mw_{role}" for role in roles)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE matching_left AS SELECT unique_id_l AS left_key, unique_id_r AS right_key, "  # noqa: S608
        f"match_weight AS weight, match_probability AS probability, {columns} FROM {predicted} "
        f"WHERE match_probability >= {review_from}"
    )
    connection.execute("CREATE OR REPLACE TABLE matching_pairs AS SELECT *, false AS taken FROM matching_left LIMIT 0")
    for _round in range(ROUNDS):
        connection.execute(
            f"""
            CREATE OR REPLACE TEMP TABLE matching_best AS
            SELECT * EXCLUDE (left_at, right_at, left_next, right_next),
                probability >= {threshold} AND coalesce(left_next < weight, true) AND coalesce(right_next < weight, true) AS taken
            FROM (
                SELECT *, row_number() OVER by_left AS left_at, row_number() OVER by_right AS right_at,
                    lead(weight) OVER by_left AS left_next, lead(weight) OVER by_right AS right_next
                FROM matching_left
                WINDOW by_left AS (PARTITION BY left_key ORDER BY weight DESC, right_key),
                    by_right AS (PARTITION BY right_key ORDER BY weight DESC, left_key)
            ) WHERE left_at = 1 AND right_at = 1
            """  # noqa: S608
        )
        if not connection.execute("SELECT count(*) FROM matching_best").fetchall()[0][0]:
            break
        connection.execute("INSERT INTO matching_pairs SELECT * FROM matching_best")
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE matching_left AS SELECT * FROM matching_left "
            "WHERE left_key NOT IN (SELECT left_key FROM matching_best) "
            "AND right_key NOT IN (SELECT right_key FROM matching_best)"
        )


def _says(role: str, level: int) -> str:
    """Return what a level of a comparison is called; Splink counts them from the weakest."""
    if level < 0:
        return UNKNOWN
    names = [says for _condition, says in LEVELS[role]]
    return OTHERWISE[role] if level == 0 else names[len(names) - level]
