# SPDX-License-Identifier: Apache-2.0
"""Every text a person reads has its English."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

from chengyun.city import load_city

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "tools" / "messages.py"


def test_no_text_is_without_english() -> None:
    found = subprocess.run([sys.executable, str(TOOL), "missing"], capture_output=True, text=True, cwd=ROOT, check=False)
    assert found.returncode == 0, found.stdout + found.stderr


def test_texts_are_found_in_templates_calls_and_declarations() -> None:
    spec = importlib.util.spec_from_file_location("messages", TOOL)
    messages = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(messages)
    kernel = {text if isinstance(text, str) else text[0] for text, *_rest in messages.kernel_messages()}
    pack = {text for text, *_rest in messages.pack_messages("chengyun.packs.air_quality")}
    assert {"跳到正文", "没有找到", "%(count)d 分钟"} <= kernel
    assert {"空气质量", "轻度污染", "站点小时 AQI"} <= pack


def test_a_template_holds_nothing_in_chinese_that_no_word_of_it_translates() -> None:
    """Words stand in translate tags, marks between values in `mark` and `listed`; 500.html is shown when nothing of ours runs."""
    told = re.compile(r"{%\s*blocktranslate.*?endblocktranslate\s*%}|{%.*?%}|{#.*?#}|\|listed:\"[^\"]*\"", re.DOTALL)
    chinese = re.compile("[\u3000-\u303f\u3400-\u9fff\uff00-\uffef“”].*")
    left = {
        path: chinese.findall(told.sub("", path.read_text(encoding="utf-8")))
        for path in (ROOT / "src/chengyun/web/templates").rglob("*.html") if path.name != "500.html"
    }  # fmt: skip
    assert {path: found for path, found in left.items() if found} == {}


def test_what_a_row_is_is_said_in_chinese() -> None:
    city = load_city(["chengyun.packs.air_quality"])
    said = {key: one.one_row_is for part in (city.entities, city.streams, city.indicators) for key, one in part.items()}
    assert [key for key, text in said.items() if not re.search("[\u3400-\u9fff]", text)] == []
