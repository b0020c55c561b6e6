# SPDX-License-Identifier: Apache-2.0
"""`chengyun category train|card`: learning categories from the city's own decided cases, and what it is worth."""

from __future__ import annotations

import argparse
import json
from typing import Any

from chengyun.errors import NotFound, nearest
from chengyun.run import setup

# Django and what needs it is imported inside each command: the list of commands is read by processes that never load it.


def add_commands(subparsers: Any) -> None:
    actions = subparsers.add_parser("category", help="suggestions of a category").add_subparsers(required=True, metavar="ACTION")
    train = actions.add_parser("train", help="learn from decided cases; goes live only when better than counting")
    train.add_argument("type", help="qualified key of a case type, e.g. urban_management.case")
    train.set_defaults(func=_train)
    card = actions.add_parser("card", help="the newest model's card: data, error, calibration, baselines")
    card.add_argument("type", help="qualified key of a case type")
    card.set_defaults(func=_card)


def _train(args: argparse.Namespace) -> int:
    setup.django()
    from django.utils import timezone

    from chengyun.access.actors import SYSTEM
    from chengyun.cases.category.services import retrain

    _check(args.type)
    model = retrain(args.type, SYSTEM, timezone.now())
    word = "live" if model.live else "kept, not live: not better than plain counting, or not calibrated"
    print(f"{model.cases} cases from {model.since:%Y-%m-%d} to {model.until:%Y-%m-%d}; {word}.")
    print(json.dumps(model.card, ensure_ascii=False))
    return 0


def _card(args: argparse.Namespace) -> int:
    setup.django()
    from chengyun.cases.category.queries import card_of

    _check(args.type)
    model = card_of(args.type)
    if model is None:
        raise NotFound(f"No model of {args.type} was trained yet. Run `chengyun category train {args.type}`.")
    shown = {
        "type": model.type, "trained": model.trained_at.isoformat(), "cases": model.cases, "live": model.live,
        "from": model.since.isoformat(), "until": model.until.isoformat(), **model.card,
    }  # fmt: skip
    print(json.dumps(shown, ensure_ascii=False, indent=2))
    return 0


def _check(type_key: str) -> None:
    from django.conf import settings

    if type_key not in settings.CITY.cases:
        raise NotFound(f"There is no case type {type_key!r}.{nearest(type_key, settings.CITY.cases)}")
