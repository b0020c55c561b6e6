# SPDX-License-Identifier: Apache-2.0
"""`chengyun devices`: register many, give credentials, write the broker's files."""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import Any

from chengyun.errors import Refused
from chengyun.run import setup

__all__ = ["add_commands"]


def add_commands(subparsers: Any) -> None:
    devices = subparsers.add_parser("devices", help="register devices, give them credentials, write the broker's files")
    words = devices.add_subparsers(title="devices", metavar="WORD", required=True)

    add = words.add_parser("import", help="register devices from CSV: key,name,kind,…,stream,entity; prints their claim codes")
    add.add_argument("file", type=Path, metavar="FILE")
    add.set_defaults(func=_import)

    claim = words.add_parser("claim", help="give the device itself its first credential for its claim code")
    claim.add_argument("key", metavar="DEVICE")
    claim.add_argument("code", metavar="CODE")
    claim.set_defaults(func=_claim)

    credential = words.add_parser("credential", help="give a device a new credential; the former works for a week still")
    credential.add_argument("key", metavar="DEVICE")
    credential.add_argument("--overlap-days", type=float, default=7.0, help="how long the former goes on working (default: 7)")
    credential.add_argument("--fingerprint", default="", help="SHA-256 of a client certificate, instead of a secret")
    credential.set_defaults(func=_credential)

    files = words.add_parser("broker-files", help="write passwords, acl and a first configuration for Mosquitto")
    files.add_argument("folder", type=Path, metavar="FOLDER")
    files.set_defaults(func=_broker_files)


def _import(args: argparse.Namespace) -> int:
    setup.django()
    from chengyun.access.actors import SYSTEM
    from chengyun.collect.things.services import register_devices

    try:
        with open(args.file, encoding="utf-8-sig", newline="") as file:
            rows = [_typed(row) for row in csv.DictReader(file)]
    except (OSError, UnicodeDecodeError) as wrong:
        raise Refused(f"{args.file} cannot be read as UTF-8 text: {wrong}.") from wrong
    for device, code in register_devices(SYSTEM, rows):
        print(f"{device.key}\t{code}")
    return 0


def _typed(row: dict[str, str]) -> dict[str, Any]:
    typed: dict[str, Any] = {name: value.strip() for name, value in row.items() if name and value}
    for name, kind in (("lon", float), ("lat", float), ("cadence_s", int), ("calibrated_every_d", int)):
        if typed.get(name):
            try:
                typed[name] = kind(typed[name])
            except ValueError:
                raise Refused(f"{name} is {typed[name]!r} for {row.get('key')}, expected a number.") from None
    if typed.get("accepts"):
        typed["accepts"] = typed["accepts"].split()
    return typed


def _claim(args: argparse.Namespace) -> int:
    setup.django()
    from chengyun.collect.things.services import claim

    issued = claim(args.key, args.code)
    print(f"user {issued.username}\nsecret {issued.secret}")
    return 0


def _credential(args: argparse.Namespace) -> int:
    setup.django()
    import datetime as dt

    from chengyun.access.actors import SYSTEM
    from chengyun.collect.things.services import credential

    issued = credential(SYSTEM, args.key, overlap=dt.timedelta(days=args.overlap_days), fingerprint=args.fingerprint)
    print(f"user {issued.username}" + (f"\nsecret {issued.secret}" if issued.secret else ""))
    return 0


def _broker_files(args: argparse.Namespace) -> int:
    setup.django()
    from chengyun.collect.things.broker_files import write_broker_files

    written = write_broker_files(args.folder)
    print(f"{written.folder}: {written.users} users, {written.certificates} with a certificate. Tell the broker: kill -HUP.")
    return 0
