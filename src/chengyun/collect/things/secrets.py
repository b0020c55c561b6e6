# SPDX-License-Identifier: Apache-2.0
"""What devices prove themselves with: secrets shown once, claim codes, and the digests that are kept instead."""

from __future__ import annotations

import base64
import hashlib
import secrets

__all__ = ["broker_digest", "claim_code", "digest", "new_secret"]

BROKER_ROUNDS = 101
"""Rounds of PBKDF2 in Mosquitto's password file. Few, because each connection pays them; the secret itself has 256 bits."""
_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""No 0 O 1 I: a claim code is read from a label and typed."""


def new_secret() -> str:
    """Return a secret of 256 bits."""
    return secrets.token_urlsafe(32)


def claim_code() -> str:
    """Return a code of 80 bits to print on a label, in groups: `7KQ2-…`."""
    code = "".join(secrets.choice(_LETTERS) for _ in range(16))
    return "-".join(code[at : at + 4] for at in range(0, 16, 4))


def digest(secret: str) -> str:
    """Return what is kept of a secret or a claim code."""
    return hashlib.sha256(secret.strip().encode()).hexdigest()


def broker_digest(secret: str) -> str:
    """Return the secret's line in Mosquitto's password file: PBKDF2 with SHA-512, as mosquitto_passwd writes it."""
    salt = secrets.token_bytes(12)
    made = hashlib.pbkdf2_hmac("sha512", secret.encode(), salt, BROKER_ROUNDS)
    return f"$7${BROKER_ROUNDS}${base64.b64encode(salt).decode()}${base64.b64encode(made).decode()}"
