# SPDX-License-Identifier: Apache-2.0
"""What others wrote: a library for RFC 9421 signs and checks, and a client's certificate opens the address with TLS."""

from __future__ import annotations

import datetime as dt
import os
import signal
import ssl
import subprocess
import sys
import time
from importlib import util
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from chengyun.access.keystore import verify
from chengyun.bench.place import free_ports, wait_for
from chengyun.errors import Refused
from chengyun.lake import database
from chengyun.share.exchange import messages

_spec = util.spec_from_file_location("exchange_conftest", Path(__file__).with_name("conftest.py"))
assert _spec is not None
assert _spec.loader is not None
given = util.module_from_spec(_spec)
_spec.loader.exec_module(given)

COVERED = ("@method", "@authority", "@path", "@query")


def test_a_library_of_others_signs_and_checks() -> None:
    peer = pytest.importorskip("http_message_signatures")
    key = given.new_key()
    private = Ed25519PrivateKey.from_private_bytes(key._private)
    resolver = peer.MappingKeyResolver(public_keys={key.key_id: private.public_key()}, private_keys={key.key_id: private})
    algorithm = peer.algorithms.ED25519
    request = httpx.Request("GET", "http://node.test/exchange/v1/rows?dataset=a.b&fields=x%2Cy")
    signer = peer.HTTPMessageSigner(signature_algorithm=algorithm, key_resolver=resolver)
    signer.sign(
        request, key_id=key.key_id, covered_component_ids=COVERED, nonce="n" * 20, tag=messages.TAG, include_alg=True,
        created=dt.datetime.now(dt.UTC), label="sig1",
    )  # fmt: skip
    headers = {name.lower(): value for name, value in request.headers.items()}
    query = request.url.query.decode()
    found = messages.read_signature("GET", "node.test", "/exchange/v1/rows", query, headers, b"")
    assert verify(key.public, found.base, found.signature)
    assert found.nonce == "n" * 20
    ours = httpx.Request("GET", str(request.url))
    ours.headers.update(
        messages.sign_request(
            "GET", str(ours.url), b"", key_id=key.key_id, algorithm="ed25519", sign=key.sign, created=int(time.time())
        )
    )  # fmt: skip
    checker = peer.HTTPMessageVerifier(signature_algorithm=algorithm, key_resolver=resolver)
    told = checker.verify(ours, max_age=dt.timedelta(minutes=5), expect_tag=messages.TAG)
    assert told
    ours.url = httpx.URL(str(ours.url).replace("a.b", "a.c"))
    with pytest.raises(peer.InvalidSignature):
        checker.verify(ours, max_age=dt.timedelta(minutes=5), expect_tag=messages.TAG)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda said: said.replace(' "@query"', ""), lambda said: said.replace(messages.TAG, "other"),
        lambda said: said + ';alg="none"', lambda said: said.replace(";created", ";crated"), lambda said: f"{said}, sig2=()",
        lambda said: said.replace('"@method" "@authority"', '"@authority" "@method"'), lambda said: "", lambda said: "sig1",
    ],
)  # fmt: skip
def test_a_signature_of_another_profile_is_refused(spoil) -> None:
    key = given.new_key()
    headers = messages.sign_request(
        "GET", "http://node.test/x?y=1", b"", key_id=key.key_id, algorithm="ed25519", sign=key.sign, created=1
    )  # fmt: skip
    assert messages.read_signature("GET", "node.test", "/x", "y=1", headers, b"").key_id == key.key_id
    with pytest.raises(Refused):
        messages.read_signature(
            "GET", "node.test", "/x", "y=1", {**headers, "signature-input": spoil(headers["signature-input"])}, b""
        )  # fmt: skip


def certificate(folder: Path, name: str, issuer: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None = None):
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    built = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1)).not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(issuer[1] if issuer else key, hashes.SHA256())
    )  # fmt: skip
    (folder / f"{name}.pem").write_bytes(built.public_bytes(serialization.Encoding.PEM))
    (folder / f"{name}.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return built, key


@pytest.mark.django_db(transaction=True)
def test_only_a_certificate_of_the_departments_authority_opens_the_address_with_tls(department, tmp_path) -> None:
    given.assets(1)
    department.grant(given.DATASET)
    authority = certificate(tmp_path, "authority")
    for name in ("node", "department"):
        certificate(tmp_path, name, authority)
    certificate(tmp_path, "stranger")
    (port,) = free_ports(1)
    files = [f"--{word}={tmp_path / name}" for word, name in
             (("certificate", "node.pem"), ("key", "node.key"), ("clients", "authority.pem"))]  # fmt: skip
    env = {**os.environ, "CHENGYUN_DATABASE_URL": database.url()}
    words = [sys.executable, "-m", "chengyun.cli", "exchange", "serve", f"--port={port}", *files]
    server = subprocess.Popen(words, env=env, stdout=subprocess.DEVNULL)
    address = f"https://localhost:{port}/exchange/v1"

    def context(name: str | None) -> ssl.SSLContext:
        made = ssl.create_default_context(cafile=str(tmp_path / "authority.pem"))
        if name:
            made.load_cert_chain(tmp_path / f"{name}.pem", tmp_path / f"{name}.key")
        return made

    def keys(name: str | None) -> int | None:
        try:
            return httpx.get(f"{address}/keys", verify=context(name), trust_env=False, timeout=10).status_code
        except httpx.HTTPError:
            return None

    try:
        wait_for(lambda: keys("department") == 200, 150, "the address with TLS did not answer")
        assert keys(None) is None
        assert keys("stranger") is None
        from chengyun.share.exchange.client import Client

        http = httpx.Client(verify=context("department"), trust_env=False, timeout=30)
        client = Client(address, department.key, department.client.pinned, http)
        told = client.get("/rows", dataset=given.DATASET)
        assert [row["key"] for row in told.json()["rows"]] == ["s0000"]
        client.countersign(told.leaf)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)
