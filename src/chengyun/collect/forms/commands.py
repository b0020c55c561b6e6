# SPDX-License-Identifier: Apache-2.0
"""`chengyun forms`: add forms from files, list them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from chengyun.errors import Refused
from chengyun.run import setup

__all__ = ["add_commands"]

EXAMPLES = Path(__file__).parent / "examples"


def add_commands(subparsers: Any) -> None:
    forms = subparsers.add_parser(
        "forms", help="add forms (XLSForm) or list them",
        description="chengyun forms [FILE…] [--publish]: add XLSForms as drafts or published; list what there is.",
    )  # fmt: skip
    forms.add_argument("files", nargs="*", type=Path, metavar="FILE", help=".xlsx, .xls, .csv or .md")
    forms.add_argument("--examples", action="store_true", help="add the forms that come with the program")
    forms.add_argument("--publish", action="store_true", help="let them be filled in at once")
    forms.set_defaults(func=_forms)


def _forms(args: argparse.Namespace) -> int:
    setup.django()
    # Inside the function: these are Django models, which exist only after the line above.
    from chengyun.access.actors import SYSTEM
    from chengyun.collect.forms import services
    from chengyun.collect.forms.models import FormVersion

    files = [*args.files, *(sorted(EXAMPLES.glob("*.md")) if args.examples else ())]
    for path in files:
        if not path.is_file():
            raise Refused(f"{path} is not a file.", code="no_file")
        version = services.make_version(path.read_bytes(), path.name, SYSTEM)
        if args.publish:
            services.publish(version, SYSTEM)
        for warning in version.warnings:
            print(f"{path.name}: {warning}")
    for row in FormVersion.objects.order_by("form_id", "made_at"):
        print(f"{row.form_id:<24} {row.version:<14} {row.state:<10} {row.title}")
    return 0
