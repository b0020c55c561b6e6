# SPDX-License-Identifier: Apache-2.0
"""Folders: new and changed files, each whole and each once."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gzip
import io
import os
import threading
import time
import zipfile
from collections.abc import Iterator
from typing import Any

import boto3
import numpy as np
import pyogrio
import pytest
import shapely
from django.conf import settings
from house import STREAM
from moto.server import ThreadedMotoServer

from chengyun.access.actors import SYSTEM
from chengyun.collect.pull import services, tables
from chengyun.collect.pull.credentials import NONE, Credentials
from chengyun.collect.pull.models import SeenFile
from chengyun.collect.pull.preview import preview
from chengyun.collect.pull.spec import read_spec
from chengyun.errors import Malformed

COLUMNS = {"station": "站点", "start": "时间", "pm25": "PM2.5"}


def write(path, rows, *, age_s: float = 60) -> None:
    path.write_text(
        "站点,时间,PM2.5\n" + "".join(f"{key},2026-11-20 {time},{value}\n" for key, time, value in rows), encoding="gb18030"
    )
    old = time.time() - age_s
    os.utime(path, (old, old))


def source_of(town, folder, **read):
    return town.source(
        address=f"file://{folder}", read={"kind": "files", "pattern": "*.csv"} | read, stream={"to": STREAM, "columns": COLUMNS}
    )


def test_each_file_is_read_once_and_again_when_it_changed(town):
    a, b = town.stations(2)
    folder = town.folder / f"once-{a}"
    folder.mkdir()
    write(folder / "1.csv", [(a, "08:00:00", 1), (b, "08:00:00", 2)])
    source = source_of(town, folder)
    first = town.run(source)
    assert (first.state, first.error, first.read, first.kept) == ("done", "", 2, 2)
    assert town.run(source).read == 0
    write(folder / "1.csv", [(a, "08:00:00", 1), (b, "08:00:00", 2), (b, "08:05:00", 3)], age_s=30)
    write(folder / "copy of 1.csv", [(a, "08:00:00", 1), (b, "08:00:00", 2), (b, "08:05:00", 3)], age_s=20)
    third = town.run(source)
    assert third.read == 3
    assert len({row[:2] for row in town.stored([a, b])}) == 3
    states = dict(SeenFile.objects.filter(source=source).values_list("path", "state"))
    assert states == {"1.csv": "read", "copy of 1.csv": "same"}


def test_a_file_still_being_written_is_waited_for(town):
    (a,) = town.stations(1)
    folder = town.folder / f"wait-{a}"
    folder.mkdir()
    write(folder / "now.csv", [(a, "08:00:00", 1)], age_s=0)
    write(folder / "half.csv.part", [(a, "08:05:00", 1)])
    source = source_of(town, folder, settled="1h")
    assert town.run(source).read == 0
    assert SeenFile.objects.get(source=source).state == "arriving"
    old = time.time() - 7200
    os.utime(folder / "now.csv", (old, old))
    assert town.run(source).kept == 1


def test_members_of_an_archive_are_read(town):
    (a,) = town.stations(1)
    folder = town.folder / f"zip-{a}"
    folder.mkdir()
    with zipfile.ZipFile(folder / "all.zip", "w") as archive:
        archive.writestr("readme.txt", "nothing")
        for minute in (0, 5):
            archive.writestr(f"d/{minute}.csv", f"站点,时间,PM2.5\n{a},2026-11-20 08:{minute:02d}:00,{minute}\n")
    os.utime(folder / "all.zip", (time.time() - 60,) * 2)
    run = town.run(source_of(town, folder, pattern="*.zip", members="d/*.csv"))
    assert (run.error, run.kept) == ("", 2)


def test_a_cell_that_does_not_fit_is_told_with_its_place(town):
    (a,) = town.stations(1)
    folder = town.folder / f"cell-{a}"
    folder.mkdir()
    rows = [(a, f"{hour:02d}:00:00", hour) for hour in range(20)]
    rows[7] = (a, "07:00:00", "七十二点五度")
    write(folder / "1.csv", rows)
    source = source_of(town, folder, options={"shape": {"key": "t", "columns": [
        {"key": "站点", "kind": "text"}, {"key": "时间", "kind": "moment"}, {"key": "PM2.5", "kind": "number"}]}})  # fmt: skip
    run = town.run(source)
    assert (run.error, run.dead) == ("", 1)
    (letter,) = town.letters(source)
    assert (letter.row["line"], letter.row["column"], letter.row["found"]) == (9, "PM2.5", letter.row["found"])
    assert "七十二点五度" in letter.reason


def test_a_broken_file_is_told_and_does_not_hold_up_the_others(town):
    (a,) = town.stations(1)
    folder = town.folder / f"broken-{a}"
    folder.mkdir()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("readme.txt", "nothing to read " * 50)
    whole = gzip.compress(b"x" * 100 + os.urandom(3000))
    broken = {
        "a.csv": b"PK\x03\x04 not a zip at all", "a.csv.gz": whole[:1500] + b"damage" * 20 + whole[1620:],
        "a2.csv": packed.getvalue(),
    }  # fmt: skip
    for name, data in broken.items():
        (folder / name).write_bytes(data)
        os.utime(folder / name, (time.time() - 90,) * 2)
    write(folder / "b.csv", [(a, "08:00:00", 1)])
    source = source_of(town, folder, pattern="*.csv*")
    run = town.run(source)
    assert (run.state, run.kept) == ("done", 1)
    failed = dict(SeenFile.objects.filter(source=source, state="failed").values_list("path", "error"))
    assert failed.keys() == broken.keys()
    assert "broken" in failed["a.csv.gz"]


def layer(path, name: str, rows, crs: str | None) -> None:
    """Add a layer to a GeoPackage; crs None: it does not say in which system it is."""
    columns = [np.array([str(row[at]) for row in rows], dtype=object) for at in range(3)]
    shapes = shapely.to_wkb(np.full(len(rows), shapely.Point(121.55, 29.87)))
    pyogrio.raw.write(path, shapes, columns, list(COLUMNS.values()), geometry_type="Point", crs=crs, driver="GPKG", layer=name)
    os.utime(path, (time.time() - 60,) * 2)


@pytest.mark.filterwarnings("ignore:'crs' was not provided")
def test_a_layer_whose_system_nobody_states_is_told_and_the_others_are_read(town, monkeypatch):
    (a,) = town.stations(1)
    folder = town.folder / f"layers-{a}"
    folder.mkdir()
    for number, (name, crs) in enumerate((("lost", None), ("found", "EPSG:4490"))):
        layer(folder / "1.gpkg", name, [(a, f"2026-11-20 0{number}:00:00", number)], crs)
    layer(folder / "2.gpkg", "found", [(a, "2026-11-20 02:00:00", 2)], "EPSG:4490")
    source = source_of(town, folder, pattern="*.gpkg")
    run = town.run(source)
    assert (run.state, run.error, run.kept) == ("done", "", 2)
    told = SeenFile.objects.get(source=source, state="failed")
    assert told.path == "1.gpkg"
    assert "layer lost does not state its coordinate system" in told.error
    assert town.run(source).read == 0
    # Once somebody says what it is, the file has its turn again.
    monkeypatch.setattr(services, "config", lambda: town.config)
    services.change(SYSTEM, source.key, source.spec | {"read": source.spec["read"] | {"options": {"crs": "EPSG:4490"}}})
    assert town.run(source).error == ""
    assert {str(row[1])[11:13] for row in town.stored([a])} == {"16", "17", "18"}
    assert not SeenFile.objects.filter(source=source, state="failed").exists()


def test_a_disk_that_is_full_is_no_fault_of_the_file(town, monkeypatch):
    (a,) = town.stations(1)
    folder = town.folder / f"full-{a}"
    folder.mkdir()
    write(folder / "1.csv", [(a, "08:00:00", 1)])
    source = source_of(town, folder)

    def full(*_given: object) -> Iterator[tables.Part]:
        raise OSError(errno.ENOSPC, "No space left on device")
        yield

    monkeypatch.setattr(tables, "read_tables", full)
    stopped = town.run(source)
    assert (stopped.state, "No space left" in stopped.error) == ("failed", True)
    assert not SeenFile.objects.filter(source=source, state="failed").exists()
    monkeypatch.undo()
    assert town.run(source).kept == 1


def test_a_link_does_not_lead_out_of_the_folder(town, tmp_path):
    (a,) = town.stations(1)
    folder = town.folder / f"link-{a}"
    folder.mkdir()
    write(tmp_path / "secret.csv", [(a, "08:00:00", 1)])
    (folder / "1.csv").symlink_to(tmp_path / "secret.csv")
    run = town.run(source_of(town, folder))
    assert (run.state, run.read, run.kept) == ("done", 0, 0)


def test_a_folder_is_tried_out_without_being_read(town):
    (a,) = town.stations(1)
    folder = town.folder / f"try-{a}"
    folder.mkdir()
    write(folder / "1.csv", [(a, "08:00:00", 1), (a, "08:05:00", 5000), ("nobody", "08:00:00", 1)])
    source = source_of(town, folder)
    found = preview(town.config, settings.CITY, read_spec(source.spec, settings.CITY), NONE)
    assert [row.verdict for row in found.rows] == ["kept", "flagged", "dead"]
    assert not SeenFile.objects.filter(source=source).exists()
    # One of which no file can be read says why, and is not shown empty.
    (folder / "1.csv").write_bytes(b"PK\x03\x04 not a zip at all")
    os.utime(folder / "1.csv", (time.time() - 60,) * 2)
    with pytest.raises(Malformed, match="not a whole zip"):
        preview(town.config, settings.CITY, read_spec(source.spec, settings.CITY), NONE)


def test_a_folder_on_another_machine_is_read_over_sftp(town, tmp_path):
    (a,) = town.stations(1)
    write(tmp_path / "1.csv", [(a, "08:00:00", 1), (a, "08:05:00", 2)])
    with sftp_server(tmp_path, "reader", "only-to-read") as (port, known_hosts):
        source = town.source(
            address=f"sftp://127.0.0.1:{port}{tmp_path}", read={"kind": "files", "pattern": "*.csv"},
            stream={"to": STREAM, "columns": COLUMNS}, credentials=Credentials(user="reader", password="only-to-read"),
        )  # fmt: skip
        stranger = town.run(source)  # nobody has said that this is the machine meant
        assert (stranger.state, "nobody has vouched for" in stranger.error) == ("failed", True)
        file = town.config.data / "known_hosts"
        file.write_text(known_hosts)
        try:
            run = town.run(source)
        finally:
            file.unlink()
    assert (run.state, run.error, run.kept) == ("done", "", 2)


@contextlib.contextmanager
def sftp_server(folder, user: str, password: str):
    """A real SSH server of this process; yields its port and its line for known_hosts."""
    asyncssh = pytest.importorskip("asyncssh")

    class Server(asyncssh.SSHServer):
        def begin_auth(self, _) -> bool:
            return True

        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, name: str, given: str) -> bool:
            return (name, given) == (user, password)

    key = asyncssh.generate_private_key("ssh-ed25519")
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()

    async def start():
        return await asyncssh.create_server(Server, "127.0.0.1", 0, server_host_keys=[key], sftp_factory=True)

    server = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    port = server.get_port()
    yield port, f"[127.0.0.1]:{port} {key.export_public_key().decode()}"
    server.close()
    asyncio.run_coroutine_threadsafe(server.wait_closed(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)


@pytest.fixture(scope="module")
def bucket() -> Iterator[tuple[Any, str]]:
    """A client of an object store on this machine, with a bucket `out`, and the store's address."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    client = boto3.client(
        "s3", endpoint_url=endpoint, aws_access_key_id="a", aws_secret_access_key="b", region_name="us-east-1"
    )  # fmt: skip
    client.create_bucket(Bucket="out")
    yield client, endpoint
    server.stop()


def test_an_object_store_is_read_as_a_folder_is(town, bucket, monkeypatch):
    client, endpoint = bucket
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    a, b = town.stations(2)
    body = f"站点,时间,PM2.5\n{a},2026-11-20 08:00:00,1\n{b},2026-11-20 08:00:00,2\n".encode("gb18030")
    client.put_object(Bucket="out", Key="2026/1.csv", Body=body)
    client.put_object(Bucket="out", Key="2026/1.csv.part", Body=b"half")
    client.put_object(Bucket="out", Key="readme.txt", Body=b"-")
    source = town.source(
        address="s3://out/2026", read={"kind": "files", "pattern": "*.csv", "endpoint": endpoint, "settled": "0s"},
        stream={"to": STREAM, "columns": COLUMNS}, credentials=Credentials(user="a", password="b"),
    )  # fmt: skip
    first = town.run(source)
    assert (first.state, first.error, first.kept) == ("done", "", 2)
    assert town.run(source).read == 0
    client.put_object(Bucket="out", Key="2026/1.csv", Body=body.replace(b",2\n", b",3\n"))
    assert town.run(source).read == 2
    assert {row[::2] for row in town.stored([a, b])} == {(a, 1), (b, 2), (b, 3)}
    source.spec["address"] = "s3://nobody/2026"
    source.save()
    gone = town.run(source)
    assert gone.state == "failed"
    assert "nobody" in gone.error
