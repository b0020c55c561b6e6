# SPDX-License-Identifier: Apache-2.0
"""The keys of one installation: one file, each key wrapped by a master key, every version kept.

    <data>/keys/keystore.json    names, versions, public halves; secrets sealed; the whole under a MAC
    <data>/keys/master.key       the master key, unless CHENGYUN_KEYSTORE_KEY_FILE puts it elsewhere
                                 or CHENGYUN_KEYSTORE_KEY is a passphrase to derive it from

Both are made when a key is first asked for. A key is made when its name is first used; `rotate` adds a version, and old
versions go on opening and verifying what they sealed and signed. Several processes may use the file at once: writers take a
lock and put a whole new file in its place, readers notice that it changed. No Django: every process may use it.

A backup holds the file and, kept apart from it, the master key or the passphrase: either alone is worth nothing.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import datetime as dt
import fcntl
import functools
import os
import secrets as random
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from chengyun.access import ciphers, signatures, successions
from chengyun.access.private_files import put, require_private, stamp
from chengyun.config import config, make_folder
from chengyun.errors import Refused

FORMAT = 1
SCRYPT_COST = 2**15
"""Memory 32 MB, about a tenth of a second; once a process. Standard: RFC 7914, 2."""


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One version of one key. use: "sign" or "secret"; wrapped: the secret half, sealed by the master key.

    algorithm: of a signature; of a secret, the set of algorithms it was made for, which its users keep to.
    lost: since when others are told not to believe it any more.
    """

    name: str
    version: int
    use: str
    algorithm: str
    made: str
    sealing: str
    wrapped: str
    public: dict[str, str] = {}
    lost: str | msgspec.UnsetType = msgspec.UNSET  # unset is not written: files from before it keep their seal


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: int
    master: str
    salt: str
    digest: str
    keys: list[Entry]
    seal: str


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key pair in use. public: its JWK, to be handed to whoever checks signatures."""

    key_id: str
    algorithm: str
    version: int
    public: signatures.Jwk
    _private: bytes

    def sign(self, data: bytes) -> bytes:
        return signatures.sign(self.algorithm, self._private, data)

    def __repr__(self) -> str:
        return f"SigningKey({self.key_id!r}, {self.algorithm!r}, version={self.version})"


@dataclass(frozen=True, slots=True)
class Master:
    """Where the master key comes from: a passphrase, or a file."""

    file: Path
    passphrase: str | None = None

    @property
    def kind(self) -> str:
        return "file" if self.passphrase is None else "passphrase"


class Keystore:
    """One keystore file, opened."""

    def __init__(self, folder: Path, master: Master, suite: ciphers.Suite) -> None:
        self.file = folder / "keystore.json"
        self._master, self._suite = master, suite
        self._lock = threading.RLock()
        self._seen: tuple[int, int, int] | None = None
        self._entries: dict[tuple[str, int], Entry] = {}
        self._newest: dict[str, int] = {}
        self._opened: dict[tuple[str, int], bytes] = {}
        self._said: dict[str, list[dict[str, Any]]] = {}
        self._key = b""
        self._salt = self._digest = ""

    def signing_key(self, name: str = "node") -> SigningKey:
        """Return the newest version of a key pair, made when there is none."""
        return self._signing_key(self._newest_entry(name, "sign"))

    def older_keys(self, name: str = "node") -> tuple[SigningKey, ...]:
        """Return the versions of a key pair before the newest, newest first, but for lost ones: for what was begun with them."""
        with self._lock:
            self._refresh()
            found = [it for it in self._entries.values() if it.name == name and it.use == "sign" and it.lost is msgspec.UNSET]
            return tuple(self._signing_key(it) for it in sorted(found, key=_version)[-2::-1])

    def public_keys(self, name: str = "node") -> tuple[signatures.Jwk, ...]:
        """Return the public half of every version, the newest first: whoever has them can check what was ever signed."""
        with self._lock:
            self._refresh()
            found = [entry for entry in self._entries.values() if entry.name == name and entry.use == "sign"]
        return tuple(dict(entry.public) for entry in sorted(found, key=lambda entry: -entry.version))

    def successions(self, name: str = "node") -> list[dict[str, Any]]:
        """Return what each older version of a key pair says of the one after it, or of itself where it was lost."""
        with self._lock:
            self._refresh()
            if name not in self._said:
                every = sorted((it for it in self._entries.values() if it.name == name and it.use == "sign"), key=_version)
                said = [self._succession(old, new) for old, new in pairwise(every)][-successions.MOST_SAID :]
                self._said[name] = said
            return list(self._said[name])

    def secret(self, name: str, version: int | None = None) -> bytes:
        """Return 32 secret bytes: the newest version, made when there is none, or the one asked for."""
        return self._open(self._newest_entry(name, "secret") if version is None else self._entry(name, version))

    def version(self, name: str) -> int:
        """Return the number of a secret's newest version, made when there is none."""
        return self._newest_entry(name, "secret").version

    def suite(self, name: str, version: int) -> ciphers.Suite:
        """Return the set of algorithms a secret's version was made for: it keeps to them when the city changes its own."""
        return ciphers.suite_named(self._entry(name, version).algorithm)

    def entries(self) -> tuple[Entry, ...]:
        """Return every version of every key, nothing secret open."""
        with self._lock:
            self._refresh()
            return tuple(self._entries[at] for at in sorted(self._entries))

    def seal(self, name: str, plain: bytes, context: str = "") -> str:
        """Return bytes sealed by a secret's newest version, as text that says by which version and how."""
        entry = self._newest_entry(name, "secret")
        sealed = ciphers.seal(self._sealing_key(entry), plain, context.encode(), self._suite.sealing)
        return f"{self._suite.sealing}:{entry.version}:{signatures.text(sealed)}"

    def unseal(self, name: str, sealed: str, context: str = "") -> bytes:
        """Return what was sealed. Raises Refused when a byte, the context or the key is another."""
        try:
            algorithm, version, body = sealed.split(":")
            entry, cipher_text = self._entry(name, int(version)), signatures.untext(body)
            key = self._sealing_key(entry)
        except ValueError as wrong:
            raise Refused("What is to be opened was not sealed by this keystore.", code="unsealable") from wrong
        if algorithm not in ("aes-256-gcm", "sm4-gcm"):
            raise Refused(f"What is to be opened says {algorithm!r}, expected aes-256-gcm or sm4-gcm.", code="unsealable")
        return ciphers.unseal(key, cipher_text, context.encode(), algorithm)

    def rotate(self, name: str) -> int:
        """Make a new version of a key there is; return its number."""
        with self._writing():
            if name not in self._newest:
                raise Refused(f"There is no key {name!r} in {self.file}. `chengyun keys list` names them all.")
            return self._add(name, self._entries[name, self._newest[name]].use).version

    def lose(self, key_id: str) -> Entry:
        """Tell others no longer to believe a version of a key pair, by its thumbprint; return it. The newest gets a new one."""
        with self._writing():
            found = next((it for it in self._entries.values() if it.public.get("kid") == key_id), None)
            if found is None or found.lost is not msgspec.UNSET:
                raise Refused(f"There is no key {key_id} that is not lost already. `chengyun keys list` names them all.")
            lost = msgspec.structs.replace(found, lost=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"))
            self._entries[found.name, found.version] = lost
            if found.version == self._newest[found.name]:
                self._add(found.name, found.use)
            else:
                self._write()
            return lost

    def rewrap(self, master: Master) -> None:
        """Seal every key anew under another master key, e.g. when the old one was seen."""
        with self._writing():
            plain = {at: self._open(entry) for at, entry in self._entries.items()}
            if master.passphrase is None and master.file.exists():
                raise Refused(f"The file {master.file} exists already; name one that is to be made.")
            self._master = master
            self._begin(keep_digest=False)
            self._entries = {at: self._wrap(self._entries[at], plain[at]) for at in self._entries}
            self._write()

    def _newest_entry(self, name: str, use: str) -> Entry:
        with self._lock:
            self._refresh()
            if name not in self._newest:
                with self._writing():
                    if name not in self._newest:
                        self._add(name, use)
            entry = self._entries[name, self._newest[name]]
        if entry.use != use:
            raise Refused(f"The key {name!r} is for {entry.use!r}, not for {use!r}: one key, one use.")
        return entry

    def _entry(self, name: str, version: int) -> Entry:
        with self._lock:
            self._refresh()
            if (name, version) not in self._entries:
                raise Refused(f"Version {version} of the key {name!r} is not in {self.file}. Restore a backup that has it.")
            return self._entries[name, version]

    def _open(self, entry: Entry) -> bytes:
        with self._lock:
            at = (entry.name, entry.version)
            if at not in self._opened:
                self._opened[at] = ciphers.unseal(self._key, _bytes(entry.wrapped), _context(entry), entry.sealing)
            return self._opened[at]

    def _signing_key(self, entry: Entry) -> SigningKey:
        return SigningKey(entry.public["kid"], entry.algorithm, entry.version, dict(entry.public), self._open(entry))

    def _succession(self, old: Entry, new: Entry) -> dict[str, Any]:
        def sign(data: bytes) -> bytes:
            return signatures.sign(old.algorithm, self._open(old), data)

        if isinstance(old.lost, str):
            return successions.say(sign, old.public["kid"], None, dt.datetime.fromisoformat(old.lost))
        return successions.say(sign, old.public["kid"], new.public, dt.datetime.fromisoformat(new.made))

    def _sealing_key(self, entry: Entry) -> bytes:
        return ciphers.derive(self._open(entry), "seal", algorithm="sha-256")

    def _add(self, name: str, use: str) -> Entry:
        algorithm = self._suite.signature if use == "sign" else self._suite.name
        private = signatures.make(algorithm) if use == "sign" else random.token_bytes(32)
        public = signatures.public(algorithm, private) if use == "sign" else {}
        version = self._newest.get(name, 0) + 1
        made = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        entry = self._wrap(Entry(name, version, use, algorithm, made, self._suite.sealing, "", public), private)
        self._entries[name, version], self._newest[name] = entry, version
        self._write()
        return entry

    def _wrap(self, entry: Entry, plain: bytes) -> Entry:
        bare = msgspec.structs.replace(entry, sealing=self._suite.sealing, wrapped="")
        sealed = ciphers.seal(self._key, plain, _context(bare), bare.sealing)
        return msgspec.structs.replace(bare, wrapped=base64.b64encode(sealed).decode())

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Hold the file against every other process, and know its newest state."""
        with self._lock:
            make_folder(self.file.parent)
            with open(os.open(self.file.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)) as held:
                fcntl.flock(held, fcntl.LOCK_EX)
                self._refresh()
                if not self.file.exists():
                    self._begin()
                yield

    def _begin(self, *, keep_digest: bool = True) -> None:
        """Start a file: a salt, and a master key where none is kept yet."""
        if not keep_digest or not self._digest:
            self._digest = self._suite.digest
        self._salt = base64.b64encode(random.token_bytes(16)).decode()
        file = self._master.file
        if self._master.kind == "file":
            if file.exists():
                raise Refused(
                    f"{self.file} is missing though its master key {file} is there. Restore the keystore from a backup; "
                    "to start with new keys, which opens nothing that was sealed before, move the master key away.",
                    code="keystore_missing",
                )
            make_folder(file.parent)
            put(_waiting(file), base64.b64encode(random.token_bytes(32)) + b"\n")
        self._key = self._master_key(self._salt)

    def _write(self) -> None:
        """Put a whole new file in the old one's place, then the master key it was made with."""
        keys = [self._entries[at] for at in sorted(self._entries)]
        bare = _File(FORMAT, self._master.kind, self._salt, self._digest, keys, "")
        whole = msgspec.structs.replace(bare, seal=self._mac(bare))
        put(self.file, msgspec.json.format(msgspec.json.encode(whole), indent=1) + b"\n")
        self._adopt()
        self._seen, self._said = stamp(self.file), {}

    def _adopt(self) -> None:
        """Give a new master key its place once the keystore made with it has its own: a crash between leaves both findable."""
        if self._master.kind == "file" and (waiting := _waiting(self._master.file)).exists():
            waiting.rename(self._master.file)

    def _refresh(self) -> None:
        """Read the file when it is not the one last seen."""
        try:
            seen = stamp(self.file)
        except FileNotFoundError:
            self._seen, self._entries, self._newest, self._opened, self._said = None, {}, {}, {}, {}
            return
        if seen == self._seen:
            return
        require_private(self.file)
        try:
            read = msgspec.json.decode(self.file.read_bytes(), type=_File)
        except msgspec.DecodeError as wrong:
            raise Refused(f"{self.file} is no keystore: {wrong}. Restore it from a backup.", code="keystore_damaged") from wrong
        if read.format != FORMAT:
            raise Refused(f"{self.file} has the format {read.format}, expected {FORMAT}: a newer version of chengyun wrote it.")
        if read.master != self._master.kind:
            ways = {"file": "a key file: unset CHENGYUN_KEYSTORE_KEY", "passphrase": "a passphrase: set CHENGYUN_KEYSTORE_KEY"}
            raise Refused(f"{self.file} is locked by {ways[read.master]}.", code="keystore_locked")
        self._digest = read.digest
        self._key = self._master_key(read.salt)
        if not random.compare_digest(self._mac(msgspec.structs.replace(read, seal="")), read.seal):
            key = "The passphrase CHENGYUN_KEYSTORE_KEY" if self._master.kind == "passphrase" else f"The key {self._master.file}"
            raise Refused(
                f"{key} does not open {self.file}: it belongs to another keystore, or the keystore was changed. "
                "Put back the two that belong together.",
                code="keystore_locked",
            )
        self._adopt()
        self._salt = read.salt
        self._entries = {(entry.name, entry.version): entry for entry in read.keys}
        self._newest = dict(sorted(self._entries))
        self._opened, self._seen, self._said = {}, seen, {}

    def _master_key(self, salt: str) -> bytes:
        if self._master.passphrase is not None:
            return _from_passphrase(self._master.passphrase, _bytes(salt))
        file = self._master.file
        kept = next((it for it in (_waiting(file), file) if it.exists()), None)
        if kept is None:
            raise Refused(
                f"The master key {file} is missing; without it nothing in {self.file} can be opened. Put back its backup, or "
                "name its place in CHENGYUN_KEYSTORE_KEY_FILE.",
                code="keystore_locked",
            )
        require_private(kept)
        found = _bytes(kept.read_text().strip())
        if len(found) != 32:
            raise Refused(f"{kept} is no master key: expected 32 bytes in base64. Put back its backup.", code="keystore_locked")
        return ciphers.derive(found + _bytes(salt), "keystore", algorithm="sha-256")

    def _mac(self, file: _File) -> str:
        return signatures.text(ciphers.mac(self._key, msgspec.json.encode(file), self._digest))


def signing_key(name: str = "node") -> SigningKey:
    """Return this installation's key pair of a name, made when there is none."""
    return keystore().signing_key(name)


def older_keys(name: str = "node") -> tuple[SigningKey, ...]:
    """Return the versions of a key pair before the newest that were not lost, newest first."""
    return keystore().older_keys(name)


def public_keys(name: str = "node") -> tuple[signatures.Jwk, ...]:
    """Return the public half of every version of a key pair, the newest first."""
    return keystore().public_keys(name)


def successions_of(name: str = "node") -> list[dict[str, Any]]:
    """Return what the older versions of a key pair say of those after them (access/successions.py)."""
    return keystore().successions(name)


def verify(jwk: signatures.Jwk, data: bytes, signature: bytes) -> bool:
    """Say whether the holder of a public key signed these bytes."""
    return signatures.verify(jwk, data, signature)


def secret(name: str, version: int | None = None) -> bytes:
    """Return 32 secret bytes of a name: the newest version, made when there is none, or the one asked for."""
    return keystore().secret(name, version)


def keystore() -> Keystore:
    """Return this installation's keystore."""
    passphrase = os.environ.get("CHENGYUN_KEYSTORE_KEY") or None
    file = os.environ.get("CHENGYUN_KEYSTORE_KEY_FILE")
    folder = config().data / "keys"
    return _keystore(folder, Master(Path(file).expanduser() if file else folder / "master.key", passphrase))


@functools.lru_cache(maxsize=4)
def _keystore(folder: Path, master: Master) -> Keystore:
    return Keystore(folder, master, ciphers.suite())


@functools.lru_cache(maxsize=4)
def _from_passphrase(passphrase: str, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, n=SCRYPT_COST, r=8, p=1).derive(passphrase.encode())


def _context(entry: Entry) -> bytes:
    """What a wrapped key belongs to: moved to another name, version or public half it does not open."""
    return msgspec.json.encode(msgspec.structs.replace(entry, wrapped="", made="", lost=msgspec.UNSET))


def _version(entry: Entry) -> int:
    return entry.version


def _waiting(file: Path) -> Path:
    return file.with_name(file.name + ".new")


def _bytes(written: str) -> bytes:
    try:
        return base64.b64decode(written, validate=True)
    except (binascii.Error, ValueError):
        return b""
