# SPDX-License-Identifier: Apache-2.0
"""`chengyun boards list|export|import|send`: boards as files, and the reports that are due."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from chengyun.run import setup

# Django and what needs it is imported inside each command: the list of commands is read by processes that never load it.


def add_commands(subparsers: Any) -> None:
    actions = subparsers.add_parser("boards", help="boards as files, and reports by mail").add_subparsers(
        required=True, metavar="ACTION"
    )
    listed = actions.add_parser("list", help="boards of this city")
    listed.set_defaults(func=_list)
    out = actions.add_parser("export", help="write a board's file")
    out.add_argument("key")
    out.add_argument("file", nargs="?", type=Path, help="ends in .toml or .json; default: printed as TOML")
    out.set_defaults(func=_export)
    bring = actions.add_parser("import", help="save a board from its file, as the next version")
    bring.add_argument("file", type=Path)
    bring.set_defaults(func=_import)
    send = actions.add_parser("send", help="send the reports that are due")
    send.set_defaults(func=_send)


def _list(_args: argparse.Namespace) -> int:
    setup.django()
    from chengyun.access.actors import SYSTEM
    from chengyun.operate.boards.queries import boards_for

    for one in boards_for(SYSTEM):
        print(f"{one.spec.key:<24} {one.spec.level:<10} version {one.number:<4} {len(one.spec.tiles):>3} tiles  {one.spec.name}")
    return 0


def _export(args: argparse.Namespace) -> int:
    setup.django()
    import json

    from chengyun.access.actors import SYSTEM
    from chengyun.operate.boards import spec
    from chengyun.operate.boards.queries import access_board

    board = access_board(args.key, SYSTEM).spec
    if args.file is None:
        print(spec.as_toml(board), end="")
        return 0
    as_json = args.file.suffix == ".json"
    body = json.dumps(spec.as_json(board), ensure_ascii=False, indent=2) + "\n" if as_json else spec.as_toml(board)
    args.file.write_text(body, encoding="utf-8")
    return 0


def _import(args: argparse.Namespace) -> int:
    setup.django()
    from chengyun.access.actors import SYSTEM
    from chengyun.operate.boards import services, spec

    board = services.read_board(args.file.read_text(encoding="utf-8"), args.file.name)
    saved = services.save(spec.as_json(board), SYSTEM, name=args.file.name, note=args.file.name)
    print(f"{board.key} is saved as version {saved.number}.")
    return 0


def _send(_args: argparse.Namespace) -> int:
    setup.django()
    from django.utils import timezone

    from chengyun.web.boards.reports import run

    print(f"{run(timezone.now())} sent.")
    return 0
