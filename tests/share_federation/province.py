# SPDX-License-Identifier: Apache-2.0
"""A province's node, written from docs/federation.md alone: the standard library and `cryptography`, nothing of this program.

    python province.py PORT      serves /exchange/v1 and prints its key's thumbprint; stops when its input ends

As a module it is the province's client, too: `Province.ask`.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import secrets
import sys
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

NODE = "province-33"
PREFIX = "/exchange/v1"
TAG = 'alg="ed25519";tag="chengyun-exchange"'


def canonical(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def b64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def range_of(key: str, depth: int) -> int:
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4]) >> (32 - depth)


def digest(body: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


class Province:
    """A key, what it offers, and what it heard."""

    def __init__(self) -> None:
        self.key = Ed25519PrivateKey.generate()
        jwk = {"kty": "OKP", "crv": "Ed25519", "x": b64url(self.key.public_key().public_bytes_raw())}
        thumb = canonical({name: jwk[name] for name in ("crv", "kty", "x")})
        self.jwk = {**jwk, "kid": b64url(hashlib.sha256(thumb).digest())}
        self.known: dict[str, dict[str, str]] = {}
        self.heard: list[dict[str, Any]] = []
        self.numbers: set[str] = set()
        self.receipts: dict[str, bytes] = {}
        self.countersigned: set[str] = set()
        self.rows = {f"law{i}": {"title": f"省规 {i}", "year": 2000 + i} for i in range(5)}
        self.version = 5
        self.tells_digests = False
        self.published: Any = {}

    def signed(self, base: bytes) -> str:
        return f"sig1=:{base64.b64encode(self.key.sign(base)).decode()}:"

    def ask(
        self, address: str, method: str, path: str, body: Any = None, skew: int = 0
    ) -> tuple[int, Any, dict[str, str], bytes]:
        """Send a signed request; check the answer's signature; return status, value, headers and body."""
        parts = urlsplit(address + path)
        sent = b"" if body is None else json.dumps(body).encode()
        nonce = secrets.token_urlsafe(18)
        params = f';created={int(time.time()) + skew};nonce="{nonce}";keyid="{self.jwk["kid"]}";{TAG}'
        names = ['"@method"', '"@authority"', '"@path"', '"@query"'] + (['"content-digest"'] if sent else [])
        lines = [f'"@method": {method}', f'"@authority": {parts.netloc}', f'"@path": {parts.path}', f'"@query": ?{parts.query}']
        headers = {}
        if sent:
            headers["Content-Digest"] = digest(sent)
            lines.append(f'"content-digest": {digest(sent)}')
        base = "\n".join([*lines, f'"@signature-params": ({" ".join(names)}){params}']).encode()
        headers |= {"Signature-Input": f"sig1=({' '.join(names)}){params}", "Signature": self.signed(base)}
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
        connection.request(method, parts.path + (f"?{parts.query}" if parts.query else ""), sent or None, headers)
        answer = connection.getresponse()
        told, got = answer.read(), {name.lower(): value for name, value in answer.getheaders()}
        connection.close()
        if "signature" in got:
            self.check_answer(answer.status, got, told, nonce)
        return answer.status, json.loads(told), got, told

    def check_answer(self, status: int, got: dict[str, str], told: bytes, nonce: str) -> None:
        assert got["content-digest"] == digest(told)
        assert got["exchange-nonce"] == nonce
        names, _, params = got["signature-input"].removeprefix("sig1=").partition(")")
        lines = [f'"@status": {status}'] + [f"{name}: {got[name.strip(chr(34))]}" for name in names.strip("(").split(" ")[1:]]
        base = "\n".join([*lines, f'"@signature-params": {names}){params}']).encode()
        key = params.split('keyid="')[1].split('"')[0]
        raw = base64.urlsafe_b64decode(self.known[key]["x"] + "=")
        Ed25519PublicKey.from_public_bytes(raw).verify(base64.b64decode(got["signature"][6:-1]), base)

    def answer(self, method: str, path: str, query: str, headers: dict[str, str], body: bytes) -> tuple[int, Any, str]:
        """Return status, value and the kind of receipt ("" for none)."""
        params = {name: values[-1] for name, values in parse_qs(query).items()}
        if path == "/keys":
            return 200, {"node": NODE, "keys": [self.jwk]}, ""
        if path == "/statistics":
            return 200, self.published, ""
        if not self.admits(method, path, query, headers, body):
            return 401, {"code": "signature", "message": "not signed by a key known here"}, ""
        if path == "/catalogue":
            found = {"key": "ext.laws", "kind": "external", "name": "省规", "sharing": "conditional", "contact": "not to be kept"}
            return 200, {"resources": [found], "next": None}, ""
        if path == "/messages":
            results = []
            for one in json.loads(body)["messages"]:
                known = one["id"] in self.numbers
                if not known:
                    self.numbers.add(one["id"])
                    self.heard.append(one)
                results.append({"id": one["id"], "outcome": "known" if known else "taken"})
            return 200, {"results": results}, ""
        fields = [{"name": "title", "type": "text"}, {"name": "year", "type": "integer"}]
        if path == "/digests" and self.tells_digests:
            depth, sums = int(params["depth"]), [0] * (1 << int(params["depth"]))
            for key, row in self.rows.items():
                said = hashlib.sha256(canonical([key, row["title"], row["year"]])).digest()[:16]
                sums[range_of(key, depth)] += int.from_bytes(said)
            told = {"as_of": self.version, "terms": "all", "depth": depth, "sums": [f"{one % 2**128:032x}" for one in sums]}
            return 200, {**told, "dataset": params["dataset"], "fields": fields, "count": len(self.rows), "next": None}, ""
        if path in ("/rows", "/changes"):
            rows = [] if path == "/changes" else [{"key": key, "values": row} for key, row in sorted(self.rows.items())]
            if "ranges" in params:
                depth, wanted = params["ranges"].split(":")
                rows = [one for one in rows if f"{range_of(one['key'], int(depth)):x}" in wanted.split(",")]
            page = {"dataset": params["dataset"], "as_of": self.version, "next": None, "fields": fields, "rows": rows}
            return 200, {**page, "salt": secrets.token_hex(16)}, "api"
        if path == "/receipts":
            return 200, {"receipts": sorted(set(self.receipts) - self.countersigned)}, ""
        if path.endswith("/countersignature"):
            word = json.loads(body)["countersignature"]
            assert word["entry"] == hashlib.sha256(self.receipts[word["receipt"]]).hexdigest()
            self.countersigned.add(word["receipt"])
            return 200, {"countersigned": True}, ""
        return 404, {"code": "not_found", "message": "nothing here"}, ""

    def admits(self, method: str, path: str, query: str, headers: dict[str, str], body: bytes) -> bool:
        names, _, params = headers.get("signature-input", "").removeprefix("sig1=").partition(")")
        if 'keyid="' not in params or (body and headers.get("content-digest") != digest(body)):
            return False
        key = params.split('keyid="')[1].split('"')[0]
        lines = [f'"@method": {method}', f'"@authority": {headers["host"]}', f'"@path": {PREFIX}{path}', f'"@query": ?{query}']
        if body:
            lines.append(f'"content-digest": {headers["content-digest"]}')
        base = "\n".join([*lines, f'"@signature-params": {names}){params}']).encode()
        raw = base64.urlsafe_b64decode(self.known[key]["x"] + "=") if key in self.known else b"\0" * 32
        try:
            Ed25519PublicKey.from_public_bytes(raw).verify(base64.b64decode(headers["signature"][6:-1]), base)
        except Exception:
            return False
        return True

    def receipt(self, way: str, query: str, headers: dict[str, str], body: bytes, page: Any) -> bytes:
        params = {name: values[-1] for name, values in parse_qs(query).items()}
        number = str(uuid.uuid4())
        said = {
            "version": 1, "id": number, "log": "exchange", "at": time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime()),
            "way": way, "provider": NODE, "provider_key": self.jwk["kid"], "consumer": "city",
            "consumer_key": headers["signature-input"].split('keyid="')[1].split('"')[0], "dataset": params["dataset"],
            "purpose": params.get("purpose", ""), "fields": ["title", "year"], "grants": [], "rows": len(page["rows"]),
            "digest": hashlib.sha256(body).hexdigest(), "as_of": page["as_of"], "asked": {},
            "previous": {"size": 0, "root": hashlib.sha256(b"").hexdigest()},
        }  # fmt: skip
        leaf = canonical({"receipt": said, "signature": self.key.sign(canonical(said)).hex()})
        self.receipts[number] = leaf
        return leaf


def serve(province: Province, port: int) -> ThreadingHTTPServer:
    """Serve a province in the background; return its server, to be shut down."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            parts = urlsplit(self.path)
            status, value, way = province.answer(self.command, parts.path.removeprefix(PREFIX), parts.query, headers, body)
            told = json.dumps(value, ensure_ascii=False).encode()
            sent = {"Content-Type": "application/json", "Content-Length": str(len(told))}
            if "signature-input" in headers:
                nonce = headers["signature-input"].split('nonce="')[1].split('"')[0]
                sent |= {"Content-Digest": digest(told), "Exchange-Nonce": nonce}
                names = ['"@status"', '"content-digest"', '"exchange-nonce"']
                lines = [f'"@status": {status}', f'"content-digest": {digest(told)}', f'"exchange-nonce": {nonce}']
                if way:
                    leaf = base64.b64encode(province.receipt(way, parts.query, headers, told, value)).decode()
                    sent["Exchange-Receipt"] = leaf
                    names.append('"exchange-receipt"')
                    lines.append(f'"exchange-receipt": {leaf}')
                params = (
                    f';created={int(time.time())};nonce="{secrets.token_urlsafe(12)}";keyid="{province.jwk["kid"]}";{TAG}'
                )  # fmt: skip
                base = "\n".join([*lines, f'"@signature-params": ({" ".join(names)}){params}']).encode()
                sent |= {"Signature-Input": f"sig1=({' '.join(names)}){params}", "Signature": province.signed(base)}
            self.send_response(status)
            for name, text in sent.items():
                self.send_header(name, text)
            self.end_headers()
            self.wfile.write(told)

        do_GET = do_POST = do

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


if __name__ == "__main__":
    alone = Province()
    running = serve(alone, int(sys.argv[1]))
    print(alone.jwk["kid"], flush=True)
    sys.stdin.read()
    running.shutdown()
