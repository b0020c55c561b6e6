# SPDX-License-Identifier: Apache-2.0
"""The keystore: made once, read by many processes, old versions kept, and a clear refusal for every wrong master key."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from chengyun.access import ciphers, keystore, signatures
from chengyun.access.keystore import Keystore, Master
from chengyun.errors import Refused

PASSPHRASE = "a long sentence nobody says"


@pytest.fixture(autouse=True)
def _cheap_scrypt(monkeypatch: pytest.MonkeyPatch) -> None:
    """A derivation that is slow on purpose says nothing about the file."""
    monkeypatch.setattr(keystore, "SCRYPT_COST", 2**4)
    keystore._from_passphrase.cache_clear()


def opened(folder: Path, passphrase: str | None = None, suite: ciphers.Suite = ciphers.INTERNATIONAL) -> Keystore:
    """Open a folder's keystore as a process of its own would."""
    return Keystore(folder, Master(folder / "master.key", passphrase), suite)


@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
@pytest.mark.parametrize("suite", ciphers.SUITES.values(), ids=str)
def test_keys_are_made_once_and_found_again(tmp_path: Path, passphrase: str | None, suite: ciphers.Suite) -> None:
    first = opened(tmp_path, passphrase, suite)
    key, secret = first.signing_key(), first.secret("pseudonyms")
    again = opened(tmp_path, passphrase, suite)
    assert again.secret("pseudonyms") == secret
    assert again.secret("pseudonyms", 1) == secret
    assert again.signing_key() == key
    assert key.algorithm == suite.signature
    assert key.key_id == key.public["kid"] == signatures.thumbprint(key.public)
    assert signatures.verify(key.public, b"said", again.signing_key().sign(b"said"))
    assert [it.stat().st_mode & 0o777 for it in sorted(tmp_path.iterdir())] == [0o600] * (3 - bool(passphrase))
    kept = (tmp_path / "keystore.json").read_bytes()
    assert secret.hex().encode() not in kept
    assert b"_private" not in kept
    assert key._private.hex() not in repr(key)


def test_rotation_keeps_what_old_versions_opened_and_signed(tmp_path: Path) -> None:
    keys = opened(tmp_path)
    old, sealed, key = keys.secret("pseudonyms"), keys.seal("files", b"plain", "a file"), keys.signing_key()
    signed = key.sign(b"said")
    assert (keys.rotate("pseudonyms"), keys.rotate("files"), keys.rotate("node")) == (2, 2, 2)
    other = opened(tmp_path)
    assert other.secret("pseudonyms") != old
    assert other.secret("pseudonyms", 1) == old
    assert other.unseal("files", sealed, "a file") == b"plain"
    assert other.seal("files", b"plain", "a file").startswith("aes-256-gcm:2:")
    assert other.signing_key().key_id != key.key_id
    newest, oldest = other.public_keys()
    assert (newest["kid"], oldest["kid"]) == (other.signing_key().key_id, key.key_id)
    assert signatures.verify(oldest, b"said", signed)
    with pytest.raises(Refused, match="no key 'nodes'"):
        keys.rotate("nodes")
    with pytest.raises(Refused, match="Version 3 of the key 'files' is not in"):
        keys.secret("files", 3)
    with pytest.raises(Refused, match="one key, one use"):
        keys.secret("node")


def test_a_city_may_change_its_algorithms_and_still_read_the_old(tmp_path: Path) -> None:
    international = opened(tmp_path)
    sealed, key = international.seal("files", b"plain"), international.signing_key()
    domestic = opened(tmp_path, suite=ciphers.DOMESTIC)
    assert domestic.unseal("files", sealed) == b"plain"
    assert domestic.seal("files", b"plain").startswith("sm4-gcm:1:")
    assert domestic.signing_key() == key
    domestic.rotate("node")
    assert domestic.signing_key().algorithm == "sm2"
    assert international.signing_key().algorithm == "sm2"


def test_what_was_sealed_opens_whole_or_not_at_all(tmp_path: Path) -> None:
    keys = opened(tmp_path)
    sealed = keys.seal("files", b"plain", "a file")
    for wrong in (sealed[:-2] + "AA", sealed.replace(":1:", ":x:"), "plain", "", sealed.replace("aes-256-gcm", "none")):
        with pytest.raises(Refused):
            keys.unseal("files", wrong, "a file")
    with pytest.raises(Refused):
        keys.unseal("files", sealed, "another file")


def test_a_wrong_or_missing_master_key_is_a_clear_refusal(tmp_path: Path) -> None:
    by_file, by_word = tmp_path / "file", tmp_path / "word"
    opened(by_file).secret("a")
    opened(by_word, PASSPHRASE).secret("a")
    with pytest.raises(Refused, match=r"CHENGYUN_KEYSTORE_KEY does not open .*keystore.json"):
        opened(by_word, "another sentence").secret("a")
    with pytest.raises(Refused, match="locked by a passphrase: set CHENGYUN_KEYSTORE_KEY"):
        opened(by_word).secret("a")
    with pytest.raises(Refused, match="locked by a key file: unset CHENGYUN_KEYSTORE_KEY"):
        opened(by_file, PASSPHRASE).secret("a")
    key = by_file / "master.key"
    right = key.read_bytes()
    key.write_text("c2hvcnQ=\n")
    with pytest.raises(Refused, match="is no master key"):
        opened(by_file).secret("a")
    key.write_bytes(b"A" * 43 + b"=\n")
    with pytest.raises(Refused, match=r"master.key does not open .*keystore.json"):
        opened(by_file).secret("a")
    key.unlink()
    with pytest.raises(Refused, match="is missing; without it nothing"):
        opened(by_file).secret("a")
    key.write_bytes(right)
    with pytest.raises(Refused, match="chmod 600"):
        opened(by_file).secret("a")
    key.chmod(0o600)
    assert len(opened(by_file).secret("a")) == 32
    (by_file / "keystore.json").unlink()
    with pytest.raises(Refused, match="is missing though its master key"):
        opened(by_file).secret("a")


def test_a_changed_file_is_found(tmp_path: Path) -> None:
    opened(tmp_path).signing_key()
    opened(tmp_path).secret("a")
    file = tmp_path / "keystore.json"
    whole = file.read_bytes()
    changed = json.loads(whole)
    changed["keys"] = [key for key in changed["keys"] if key["name"] != "a"]
    swapped = json.loads(whole)
    swapped["keys"][1]["public"]["x"] = signatures.text(bytes(32))
    for wrong in (json.dumps(changed).encode(), json.dumps(swapped).encode(), whole[: len(whole) // 2], b"", b"[]"):
        file.write_bytes(wrong)
        with pytest.raises(Refused, match="keystore"):
            opened(tmp_path).secret("a")
    file.write_bytes(whole)
    file.chmod(0o600)
    assert opened(tmp_path).secret("a")


def test_a_backup_of_both_files_opens_elsewhere(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    secret = opened(here).secret("a")
    shutil.copytree(here, there)
    assert opened(there).secret("a") == secret


def test_a_crash_at_first_use_leaves_a_keystore_that_opens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dying = opened(tmp_path)
    monkeypatch.setattr(dying, "_adopt", lambda: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        dying.secret("a")
    assert not (tmp_path / "master.key").exists()
    assert len(opened(tmp_path).secret("a")) == 32
    assert (tmp_path / "master.key").exists()


def test_the_master_key_can_be_changed(tmp_path: Path) -> None:
    keys = opened(tmp_path)
    secret, key = keys.secret("a"), keys.signing_key()
    keys.rewrap(Master(tmp_path / "master.key", PASSPHRASE))
    assert opened(tmp_path, PASSPHRASE).secret("a") == secret
    with pytest.raises(Refused):
        opened(tmp_path).secret("a")
    opened(tmp_path, PASSPHRASE).rewrap(Master(tmp_path / "second.key"))
    assert Keystore(tmp_path, Master(tmp_path / "second.key"), ciphers.INTERNATIONAL).signing_key() == key


def test_processes_that_start_together_share_one_key(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; import sys; from chengyun.access import keystore as k, ciphers; p = Path(sys.argv[1]);"
        "s = k.Keystore(p, k.Master(p / 'master.key'), ciphers.INTERNATIONAL);"
        "print(s.secret('a').hex(), s.signing_key().key_id, s.secret(sys.argv[2]).hex())"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path), f"own_{n}"], stdout=subprocess.PIPE, text=True)
        for n in range(3)
    ]  # fmt: skip
    said = [child.communicate(timeout=60)[0].split() for child in running]
    assert len({(one[0], one[1]) for one in said}) == 1
    keys = opened(tmp_path)
    assert [keys.secret(f"own_{n}").hex() for n in range(3)] == [one[2] for one in said]
    assert len(keys.entries()) == 5


def test_the_configured_set_is_one_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Refused, match="CHENGYUN_CRYPTO is 'gm', expected international or domestic"):
        ciphers.suite_named("gm")
    with pytest.raises(Refused, match='Did you mean "domestic"'):
        ciphers.suite_named("domestik")
