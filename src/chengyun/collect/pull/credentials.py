# SPDX-License-Identifier: Apache-2.0
"""Credentials of sources: encrypted with a key derived from the installation's secret, read only where a connection is made."""

from __future__ import annotations

import base64

import msgspec

from chengyun.errors import Refused

__all__ = ["NONE", "Credentials", "close", "open_"]


class Credentials(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """user and password; secret: a bearer token or key; private_key: for SFTP, as PEM."""

    user: str = ""
    password: str = ""
    secret: str = ""
    private_key: str = ""

    def __repr__(self) -> str:
        return f"Credentials(user={self.user!r}, …)"

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be shown, longest first."""
        return tuple(sorted((it for it in (self.password, self.secret, self.private_key) if it), key=len, reverse=True))

    def hidden(self, text: str) -> str:
        """Return a text, e.g. of a driver's error, without what must never be shown."""
        for secret in self.secrets:
            text = text.replace(secret, "…")
        return text


NONE = Credentials()


def close(secret: str, credentials: Credentials) -> bytes:
    """Return the credentials encrypted."""
    return bytes(_fernet(secret).encrypt(msgspec.json.encode(credentials)))


def open_(secret: str, closed: bytes | memoryview | None) -> Credentials:
    """Return credentials that were encrypted. Raises Refused when the installation's secret has changed since."""
    if closed is None:
        return NONE
    from cryptography.fernet import InvalidToken  # half a second of imports that a page without sources does without

    try:
        return msgspec.json.decode(_fernet(secret).decrypt(bytes(closed)), type=Credentials)
    except InvalidToken as wrong:
        raise Refused(
            "The credentials were encrypted with another CHENGYUN_SECRET and cannot be read. Enter them again.",
            code="credentials",
        ) from wrong


def _fernet(secret: str):  # type: ignore[no-untyped-def]  # the class is imported where it is needed
    from cryptography.fernet import Fernet
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    key = HKDF(SHA256(), 32, None, b"chengyun source credentials").derive(secret.encode())
    return Fernet(base64.urlsafe_b64encode(key))
