# SPDX-License-Identifier: Apache-2.0
"""What the page on sources shows can be made as it stands."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from django.conf import settings

from chengyun.collect.pull.spec import read_spec, read_toml

BLOCKS = re.findall(r"```toml\n(.*?)```", (Path(__file__).parents[2] / "docs/sources.md").read_text(encoding="utf-8"), re.DOTALL)


def test_the_examples_of_the_page_are_sources() -> None:
    whole, *parts = BLOCKS
    first = read_toml(whole, settings.CITY)
    assert first.cells["stream.pm25"].factor == 1000
    kinds = {first.kind}
    for part in parts:
        rest = {name: value for name, value in tomllib.loads(whole).items() if name not in ("address", "read")}
        kinds.add(read_spec(rest | tomllib.loads(part), settings.CITY).kind)
    assert kinds == {"database", "http", "files"}
