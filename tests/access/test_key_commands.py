# SPDX-License-Identifier: Apache-2.0
"""The keystore's commands say what there is and never a secret."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from chengyun.access import ciphers, keystore
from chengyun.access.keystore import Keystore, Master
from chengyun.access.models import AuditRecord
from chengyun.cli import main


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Keystore:
    made = Keystore(tmp_path, Master(tmp_path / "master.key"), ciphers.INTERNATIONAL)
    monkeypatch.setattr(keystore, "keystore", lambda: made)
    monkeypatch.setattr(keystore, "SCRYPT_COST", 2**4)
    return made


@pytest.mark.django_db
def test_keys_are_listed_and_rotated(store: Keystore, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "list"]) == 0
    assert "There is no key yet" in capsys.readouterr().out
    secret, key = store.secret("pseudonyms"), store.signing_key()
    assert main(["keys", "list"]) == 0
    said = capsys.readouterr().out
    assert key.key_id in said
    assert secret.hex() not in said
    assert main(["keys", "rotate", "pseudonyms"]) == 0
    assert store.version("pseudonyms") == 2
    assert "pinned" not in capsys.readouterr().out
    assert main(["keys", "rotate", "node"]) == 0
    assert f"signed by {store.signing_key().key_id}; the old key says so" in capsys.readouterr().out
    recorded = AuditRecord.objects.latest("pk")
    assert (recorded.action, recorded.target, recorded.detail) == ("key.rotate", "node", {"version": 2})
    assert main(["keys", "rotate", "pseudonym"]) == 1
    assert "no key 'pseudonym'" in capsys.readouterr().err
    assert AuditRecord.objects.latest("pk") == recorded
    lost = store.signing_key().key_id
    assert main(["keys", "lost", lost]) == 0
    assert f"the key in use, {store.signing_key().key_id}" in capsys.readouterr().out
    assert store.successions()[-1]["succession"]["to"] is None
    recorded = AuditRecord.objects.latest("pk")
    assert (recorded.action, recorded.target, recorded.detail) == ("key.lost", "node", {"version": 2, "key": lost})
    assert main(["keys", "lost", lost]) == 1
    assert "not lost already" in capsys.readouterr().err


def test_the_master_key_is_changed(
    store: Keystore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = store.secret("a")
    assert main(["keys", "rewrap"]) == 1
    monkeypatch.setattr("sys.stdin", io.StringIO("too short\n"))
    assert main(["keys", "rewrap", "--to-passphrase"]) == 1
    assert "expected 16 or more" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin", io.StringIO("a long sentence nobody says\n"))
    assert main(["keys", "rewrap", "--to-passphrase"]) == 0
    opened = Keystore(tmp_path, Master(tmp_path / "master.key", "a long sentence nobody says"), ciphers.INTERNATIONAL)
    assert opened.secret("a") == secret
