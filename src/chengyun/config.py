# SPDX-License-Identifier: Apache-2.0
"""Settings of one installation, read from the environment; no Django, so that every process may use it.

| variable | meaning | default |
|---|---|---|
| CHENGYUN_DATA | data folder | the platform's data folder, e.g. ~/.local/share/chengyun |
| CHENGYUN_DATABASE_URL | PostgreSQL server to use | the embedded one, in the data folder |
| CHENGYUN_HOST, CHENGYUN_PORT | where pages are served | 127.0.0.1, 8330 |
| CHENGYUN_WEB_PROCESSES | processes that serve pages, about one a core; each takes some 110 MB | 1 |
| CHENGYUN_FORK | 0: every process loads the program for itself, which takes more memory and time | 1 |
| CHENGYUN_STREAM_PORT | where observations come in and live updates go out | CHENGYUN_PORT + 1 |
| CHENGYUN_PROTOCOLS_PORT | where neighbours' systems speak SensorThings, NGSI-LD and OGC API with us | CHENGYUN_PORT + 2 |
| CHENGYUN_PROTOCOLS_URL | the same as others reach it (behind a proxy) | http://<host asked>:<port> |
| CHENGYUN_STREAM_URL | CHENGYUN_STREAM_PORT as browsers reach it (behind a proxy) | http://<page's host>:<port> |
| CHENGYUN_PACKS | packs to run, dotted names, comma between | every pack installed |
| CHENGYUN_CITY | code of the city, GB/T 2260 | 330200 (宁波市) |
| CHENGYUN_ACCOUNT | whose name `chengyun alert-rules` acts in, where --as is not given | none |
| CHENGYUN_NODE | name of this installation towards other nodes: letters, digits, `.` and `-` | cy-<city> |
| CHENGYUN_TIME_ZONE | the city's time zone | Asia/Shanghai |
| CHENGYUN_SECRET | key for signatures | made once and kept in the data folder |
| CHENGYUN_TILES_URL | background map, {z}/{x}/{y} | none: the map draws our own layers |
| CHENGYUN_TILES_CREDIT | attribution of the background map | none |
| CHENGYUN_DEMO | 0: make nothing up; streams: sensors only | 1: sensors while a stream has no real data, residents and staff |
| CHENGYUN_HTTPS | 1: pages are reached over https, by a proxy in front that sets X-Forwarded-Proto | 0 |
| CHENGYUN_RESIDENTS | 1: residents may register themselves | 0 |
| CHENGYUN_DEMO_AREAS | folder of the demonstration city's areas | build/demo of the checkout |
| CHENGYUN_MQTT_URL | broker to take observations from, mqtt:// or mqtts://user:password@host:port | none |
| CHENGYUN_MQTT_CA, CHENGYUN_MQTT_CERT, CHENGYUN_MQTT_KEY | whom TLS trusts; our own certificate and key | the system's, none |
| CHENGYUN_MQTT_VERSION | 5 or 3.1.1 | 5 |
| CHENGYUN_MQTT_CLIENT | name of this collector's session at the broker | chengyun-<city> |
| CHENGYUN_MQTT_SHARE | group in which several collectors share the broker's messages | none: one collector |
| CHENGYUN_MQTT_IN_FLIGHT | messages the broker may send before the first is acknowledged (MQTT 5) | 10000 |
| CHENGYUN_SOURCE_HOSTS | host:port of this machine itself that sources may be read from, comma between | none |
| CHENGYUN_WEBHOOK_HOSTS | host or host:port in private networks that notices of alerts may be posted to, comma between | none |
| CHENGYUN_SOURCE_FOLDERS | folders of this machine that sources may be read from, colon between | inbox in the data folder |
| CHENGYUN_HOLIDAYS | CSV of days (date, works 0 or 1) over the published ones, for a year without a notice yet | none |
| CHENGYUN_OFFICE_HOURS | TOML of the city's office hours by season, as standards/office_hours.toml | 08:30–12:00, 13:30–18:00 |
| CHENGYUN_NGSILD_HOSTS | hosts notifications may go to and contexts come from, comma between; `*.name`, `*` | none |
| CHENGYUN_NGSILD_CONTEXTS | folder of JSON-LD contexts resolved without a network, listed in its pinned.toml | none |
| CHENGYUN_OPEN | datasets of the kernel that everybody may read, comma between: sensorthings | none |
| CHENGYUN_EDGE_TOKEN, CHENGYUN_EDGE_LOCAL_TOKEN | of `chengyun edge`: its key for the city, and what devices show it | none |
| CHENGYUN_NATS_URL | nodes of the queue between front ends and collectors, comma between | none: no queue |
| CHENGYUN_NATS_REPLICAS, CHENGYUN_NATS_GB | nodes that keep each body, and how much each keeps | 3 or fewer, 8 |
| CHENGYUN_NATS_CREDENTIALS | file with our NKey and JWT for the nodes | none |
| CHENGYUN_RULES | apart: alert rules are judged by `chengyun rules`, in as many processes as needed | together |
| CHENGYUN_LAKE | where sealed tables lie: a folder, or s3://bucket/prefix | lake in the data folder |
| CHENGYUN_LAKE_ARCHIVE | where months go that are old enough by their stream's declaration | none |
| CHENGYUN_LAKE_ENDPOINT, CHENGYUN_LAKE_REGION | of an object store that is not Amazon's | boto3's own |
| CHENGYUN_LAKE_KEY, CHENGYUN_LAKE_SECRET | its access key | where boto3 finds one: AWS_*, a profile, the machine's role |
| CHENGYUN_LAKE_CACHE_GB | copies of objects kept on this machine | 20 |
| CHENGYUN_NGSILD_INSTANCES | values in one NGSI-LD answer over time; the rest is told by Content-Range | 1000 |
| CHENGYUN_MAIL_INBOX | where reports by e-mail arrive: maildir:/folder, imap(s)://user:password@host/INBOX | none |
| CHENGYUN_MAIL_URL, CHENGYUN_MAIL_FROM | server that sends letters, smtp(s)://user:password@host:port; their sender | none |
| CHENGYUN_OPENLINEAGE | who is told of runs as OpenLineage events: http(s)://…#key, or the path of a file | none: nobody |
| CHENGYUN_SITE | address residents reach our pages under, for links in letters | http://<host>:<port> |
| CHENGYUN_KEYSTORE_KEY | passphrase that opens the keystore, <data>/keys/keystore.json | none: a key file |
| CHENGYUN_KEYSTORE_KEY_FILE | the key file that opens it, best on another disk | keys/master.key in the data folder |
| CHENGYUN_CRYPTO | algorithms of new keys, digests and signatures: international or domestic (SM2, SM3, SM4) | international |
| CHENGYUN_ALLOWED_HOSTS | host names pages may be asked under, comma between | localhost and the loopback addresses |
"""

from __future__ import annotations

import functools
import json
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import platformdirs

from chengyun.errors import Refused, nearest


@dataclass(frozen=True, kw_only=True)
class Config:
    """One installation's settings."""

    data: Path
    database_url: str | None
    host: str
    port: int
    web_processes: int
    fork: bool
    stream_port: int
    stream_url: str | None
    protocols_port: int
    protocols_url: str | None
    packs: tuple[str, ...]
    city: str
    node: str
    time_zone: str
    given_secret: str | None
    tiles_url: str | None
    tiles_credit: str
    demo: bool
    demo_people: bool
    https: bool
    residents: bool
    allowed_hosts: tuple[str, ...]
    opened: tuple[str, ...]
    ngsild_hosts: tuple[str, ...]
    ngsild_contexts: Path | None
    ngsild_instances: int
    source_hosts: tuple[str, ...]
    source_folders: tuple[Path, ...]
    holidays: Path | None
    office_hours: Path | None
    lake: str
    lake_archive: str | None
    lake_endpoint: str | None
    lake_region: str | None
    lake_key: str | None
    lake_secret: str | None
    lake_cache_gb: int

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @functools.cached_property
    def secret(self) -> str:
        """Key of signatures: the setting, or the one kept in the data folder, made when it is first needed."""
        return self.given_secret or _secret(self.data)

    @property
    def warehouse(self) -> Path:
        """Folder of the sealed tables where no other place is set."""
        return self.data / "lake"

    @property
    def state_file(self) -> Path:
        """Where the supervisor writes what runs: {"pid", "database_url", "port", "stream_port", "children": {...}}."""
        return self.data / "run" / "state.json"

    def running(self) -> dict[str, Any] | None:
        """Return the state the supervisor wrote, or None when none is there."""
        try:
            return json.loads(self.state_file.read_text())  # type: ignore[no-any-return]
        except (OSError, ValueError):
            return None

    def dsn(self) -> str:
        """Return the database's address: the setting, or the running embedded server's. Raises Refused without either."""
        if self.database_url:
            return self.database_url
        state = self.running()
        if state and state.get("database_url"):
            return str(state["database_url"])
        raise Refused(f"No database is running for {self.data}. Start it with `chengyun up`, or set CHENGYUN_DATABASE_URL.")


def make_folder(data: Path) -> None:
    """Make the data folder if it is not there. Raises Refused with the reason it cannot be made or written."""
    advice = "Mend its permissions, or choose another folder with --data."
    if found := set(str(data)) & set("?#*[]\\"):
        raise Refused(
            f"The data folder {data} has {' '.join(sorted(found))} in its path, which addresses of files cannot carry. "
            "Choose another folder with --data.",
            code="folder_unusable",
        )
    try:
        data.mkdir(parents=True, exist_ok=True)
    except OSError as wrong:
        why = "it is a file" if data.is_file() else str(wrong.strerror)
        raise Refused(f"The data folder {data} cannot be made: {why}. {advice}", code="folder_unusable") from wrong
    if not os.access(data, os.W_OK | os.X_OK):
        raise Refused(f"The data folder {data} cannot be written. {advice}", code="folder_unusable")


def _port(name: str, default: int) -> int:
    text = os.environ.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        raise Refused(f"{name} is {text!r}, expected a port number from 1 to 65535.")
    return int(text)


def _web_processes() -> int:
    text = os.environ.get("CHENGYUN_WEB_PROCESSES") or "1"
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= 64:
        raise Refused(f"CHENGYUN_WEB_PROCESSES is {text!r}, expected a number from 1 to 64, about the machine's cores.")
    return int(text)


def _instances() -> int:
    text = os.environ.get("CHENGYUN_NGSILD_INSTANCES") or "1000"
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= 100_000:
        raise Refused(f"CHENGYUN_NGSILD_INSTANCES is {text!r}, expected a number from 1 to 100000.")
    return int(text)


def _lake_place(name: str) -> str | None:
    """Return a place of sealed tables: a folder's path, or s3://bucket/prefix, neither with a slash at its end."""
    text = (os.environ.get(name) or "").rstrip("/")
    if not text:
        return None
    if re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[\w.~-]+)*", text, re.ASCII) or text.startswith(("/", "~")):
        return str(Path(text).expanduser().resolve()) if text[0] in "/~" else text
    raise Refused(f"{name} is {text!r}, expected a folder's whole path, or s3://bucket or s3://bucket/prefix.")


def _cache_gb() -> int:
    text = os.environ.get("CHENGYUN_LAKE_CACHE_GB") or "20"
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise Refused(f"CHENGYUN_LAKE_CACHE_GB is {text!r}, expected a number of gigabytes, 1 or more.")
    return int(text)


def _city() -> str:
    code = os.environ.get("CHENGYUN_CITY") or "330200"
    if not re.fullmatch(r"[1-9]\d{3}00", code):
        raise Refused(f"CHENGYUN_CITY is {code!r}, expected the six digits of a city by GB/T 2260, e.g. 330200 for 宁波市.")
    return code


def _node() -> str:
    name = os.environ.get("CHENGYUN_NODE") or f"cy-{_city()}"
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{0,62}", name):
        raise Refused(f"CHENGYUN_NODE is {name!r}, expected small letters, digits, dots and hyphens, e.g. ningbo-haishu.")
    return name


def _time_zone() -> str:
    name = os.environ.get("CHENGYUN_TIME_ZONE") or "Asia/Shanghai"
    known = available_timezones()
    if name not in known:
        raise Refused(f"CHENGYUN_TIME_ZONE is {name!r}, which is no time zone.{nearest(name, known)} Write e.g. Asia/Shanghai.")
    return name


def _secret(data: Path) -> str:
    file = data / "secret.key"
    try:
        return file.read_text().strip()
    except FileNotFoundError:
        make_folder(data)
        made = secrets.token_urlsafe(48)
        try:
            with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
                out.write(made)
            return made
        except FileExistsError:
            return file.read_text().strip()


def read_config() -> Config:
    """Read the environment. Raises Refused naming the variable that is wrong."""
    env = os.environ
    data = Path(env.get("CHENGYUN_DATA") or platformdirs.user_data_dir("chengyun")).expanduser().resolve()
    port = _port("CHENGYUN_PORT", 8330)
    return Config(
        data=data,
        database_url=env.get("CHENGYUN_DATABASE_URL") or None,
        host=env.get("CHENGYUN_HOST") or "127.0.0.1",
        port=port,
        web_processes=_web_processes(),
        fork=env.get("CHENGYUN_FORK", "1") != "0",
        # Below the last port rather than beyond it.
        stream_port=_port("CHENGYUN_STREAM_PORT", port + 1 if port < 65535 else port - 1),
        stream_url=env.get("CHENGYUN_STREAM_URL") or None,
        protocols_port=_port("CHENGYUN_PROTOCOLS_PORT", port + 2 if port < 65534 else port - 2),
        protocols_url=(env.get("CHENGYUN_PROTOCOLS_URL") or "").rstrip("/") or None,
        packs=tuple(name.strip() for name in env.get("CHENGYUN_PACKS", "").split(",") if name.strip()),
        city=_city(),
        node=_node(),
        time_zone=_time_zone(),
        given_secret=env.get("CHENGYUN_SECRET") or None,
        tiles_url=env.get("CHENGYUN_TILES_URL") or None,
        tiles_credit=env.get("CHENGYUN_TILES_CREDIT", ""),
        demo=env.get("CHENGYUN_DEMO", "1") != "0",
        demo_people=env.get("CHENGYUN_DEMO", "1") not in ("0", "streams"),
        https=env.get("CHENGYUN_HTTPS", "0") == "1",
        residents=env.get("CHENGYUN_RESIDENTS", "0") == "1",
        allowed_hosts=tuple(
            name.strip() for name in env.get("CHENGYUN_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]").split(",") if name.strip()
        ),
        opened=tuple(name.strip() for name in env.get("CHENGYUN_OPEN", "").split(",") if name.strip()),
        ngsild_hosts=tuple(it.strip().lower() for it in env.get("CHENGYUN_NGSILD_HOSTS", "").split(",") if it.strip()),
        ngsild_instances=_instances(),
        ngsild_contexts=Path(env["CHENGYUN_NGSILD_CONTEXTS"]).expanduser() if env.get("CHENGYUN_NGSILD_CONTEXTS") else None,
        source_hosts=tuple(name.strip() for name in env.get("CHENGYUN_SOURCE_HOSTS", "").split(",") if name.strip()),
        source_folders=tuple(Path(it) for it in (env.get("CHENGYUN_SOURCE_FOLDERS") or str(data / "inbox")).split(":") if it),
        holidays=Path(env["CHENGYUN_HOLIDAYS"]) if env.get("CHENGYUN_HOLIDAYS") else None,
        office_hours=Path(env["CHENGYUN_OFFICE_HOURS"]) if env.get("CHENGYUN_OFFICE_HOURS") else None,
        lake=_lake_place("CHENGYUN_LAKE") or str(data / "lake"),
        lake_archive=_lake_place("CHENGYUN_LAKE_ARCHIVE"),
        lake_endpoint=env.get("CHENGYUN_LAKE_ENDPOINT") or None,
        lake_region=env.get("CHENGYUN_LAKE_REGION") or None,
        lake_key=env.get("CHENGYUN_LAKE_KEY") or None,
        lake_secret=env.get("CHENGYUN_LAKE_SECRET") or None,
        lake_cache_gb=_cache_gb(),
    )


@functools.cache
def config() -> Config:
    """Return this process's settings, read once."""
    return read_config()
