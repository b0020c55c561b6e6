# SPDX-License-Identifier: Apache-2.0
"""FF1: encrypts a run of digits or letters into another of the same length and alphabet.

Not FF3-1, which most libraries have: NIST took it out of the standard after the attack of Beyne (CRYPTO 2021).
The cipher under it is AES, as the standard has it, or SM4, whose blocks are as long.

Standard: NIST SP 800-38G Rev. 1 (second draft, February 2025), algorithms 7 and 8.
"""

from __future__ import annotations

from collections.abc import Sequence

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes

ROUNDS = 10
FEWEST = 1_000_000
"""Possible texts below which the standard forbids it: they could be tried one by one."""


def encrypt(key: bytes, tweak: bytes, digits: Sequence[int], radix: int, cipher: str = "aes") -> list[int]:
    """Return as many digits of the same radix. cipher: "aes" or "sm4". Raises ValueError when there are too few to hide among."""
    return _run(key, tweak, digits, radix, cipher, range(ROUNDS))


def decrypt(key: bytes, tweak: bytes, digits: Sequence[int], radix: int, cipher: str = "aes") -> list[int]:
    """Return what was encrypted; with another key or tweak, something else."""
    return _run(key, tweak, digits, radix, cipher, range(ROUNDS - 1, -1, -1))


def _run(key: bytes, tweak: bytes, digits: Sequence[int], radix: int, cipher: str, rounds: range) -> list[int]:
    n = len(digits)
    if not 2 <= radix <= 65_536 or any(not 0 <= digit < radix for digit in digits):
        raise ValueError(f"digits are not all from 0 to {radix - 1}.")
    if n < 2 or radix**n < FEWEST:
        raise ValueError(f"{n} digits of radix {radix} are fewer than {FEWEST} texts to hide among.")
    forward = rounds.step > 0
    u, v = n // 2, n - n // 2
    a, b = _number(digits[:u], radix), _number(digits[u:], radix)
    sizes = radix**u, radix**v
    width = ((radix**v - 1).bit_length() + 7) // 8
    wanted = 4 * ((width + 3) // 4) + 4
    fixed = bytes([1, 2, 1]) + radix.to_bytes(3) + bytes([10, u % 256]) + n.to_bytes(4) + len(tweak).to_bytes(4)
    pad = bytes(-(len(tweak) + width + 1) % 16)
    block = _block_cipher(key, cipher)
    start = block.update(fixed)
    for i in rounds:
        said = tweak + pad + bytes([i]) + (b if forward else a).to_bytes(width)
        mixed = start
        for at in range(0, len(said), 16):
            mixed = block.update(_xor(mixed, said[at : at + 16]))
        stream = mixed
        for more in range(1, -(-wanted // 16)):
            stream += block.update(_xor(mixed, more.to_bytes(16)))
        y = int.from_bytes(stream[:wanted])
        size = sizes[i % 2]
        if forward:
            a, b = b, (a + y) % size
        else:
            a, b = (b - y) % size, a
    return [*_digits(a, radix, u), *_digits(b, radix, v)]


def _block_cipher(key: bytes, cipher: str) -> CipherContext:
    """One block after another, each for itself: the chaining of the standard's MAC is done by the caller."""
    return Cipher({"aes": algorithms.AES, "sm4": algorithms.SM4}[cipher](key), modes.ECB()).encryptor()  # noqa: S305


def _xor(one: bytes, other: bytes) -> bytes:
    return (int.from_bytes(one) ^ int.from_bytes(other)).to_bytes(16)


def _number(digits: Sequence[int], radix: int) -> int:
    found = 0
    for digit in digits:
        found = found * radix + digit
    return found


def _digits(number: int, radix: int, count: int) -> list[int]:
    found = []
    for _ in range(count):
        number, digit = divmod(number, radix)
        found.append(digit)
    return found[::-1]
