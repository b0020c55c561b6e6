# SPDX-License-Identifier: Apache-2.0
"""A bucket of an S3-compatible object store as a place of sealed tables.

An object is put in one request that says its SHA-256: it is there whole or not at all, and the store refuses what arrives
damaged. What is read comes through copies on this machine (copies.py), each compared with the digest in its name.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from chengyun.config import Config
from chengyun.errors import Refused, Unavailable
from chengyun.lake import content, faults
from chengyun.lake.copies import Copies
from chengyun.lake.places import Found

__all__ = ["Bucket", "open_bucket"]

LARGEST = 5 << 30
"""Bytes one request may put, by the protocol; a sealed file holds 8 million rows at most, far below it."""
CONNECT_S, ANSWER_S, ATTEMPTS = 5, 60, 4
GONE = ("404", "NoSuchKey", "NotFound")


def open_bucket(root: str, here: Config) -> Bucket:
    """Return the place s3://bucket/prefix. Raises Refused when the extra is not installed."""
    try:
        import boto3
        from botocore.config import Config as Options
    except ImportError as missing:
        raise Refused(f"{root} needs boto3: install chengyun[s3].", code="extra") from missing
    client = boto3.client(
        "s3",
        endpoint_url=here.lake_endpoint,
        region_name=here.lake_region or ("us-east-1" if here.lake_endpoint else None),
        aws_access_key_id=here.lake_key,
        aws_secret_access_key=here.lake_secret,
        config=Options(
            connect_timeout=CONNECT_S,
            read_timeout=ANSWER_S,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            # Stores of other makers know addresses by path, whatever their name servers say.
            s3={"addressing_style": "path" if here.lake_endpoint else "auto"},
        ),
    )
    return Bucket(root, client, Copies(here.data / "cache" / "lake", here.lake_cache_gb << 30))


class Bucket:
    """A place in an object store."""

    def __init__(self, root: str, client: Any, copies: Copies) -> None:
        self.root, self.copies = root, copies
        self._client = client
        self._bucket = root.removeprefix("s3://").partition("/")[0]

    def draft(self, path: str) -> Path:  # noqa: ARG002  a folder drafts beside the file
        return self.copies.draft()

    def keep(self, draft: Path, path: str) -> None:
        size = draft.stat().st_size
        if size > LARGEST:
            raise Refused(f"{path} has {size:,} bytes; an object takes {LARGEST:,} at most.")
        with open(draft, "rb") as file:
            checksum = hashlib.file_digest(file, "sha256").digest()
            file.seek(0)
            self._put(path, file, checksum)
        self.copies.take(draft, path)

    def write(self, path: str, content: bytes) -> None:
        self._put(path, content, hashlib.sha256(content).digest())
        draft = self.copies.draft()
        draft.write_bytes(content)
        self.copies.take(draft, path)  # what is written is read next

    def local(self, path: str) -> Path:
        if (copy := self.copies.find(path)) is not None:
            return copy
        draft = self.copies.draft()
        try:
            with self._asked(path):
                answer = self._client.get_object(Bucket=self._bucket, Key=self._key(path))
                with open(draft, "wb") as out:
                    for piece in answer["Body"].iter_chunks(1 << 20):
                        out.write(piece)
            told = content.told_digest(path)
            if told is not None and content.digest(draft) != told:
                raise Unavailable(f"{path} does not have the content its name says. `chengyun lake check --contents` lists such.")
            return self.copies.take(draft, path)
        finally:
            draft.unlink(missing_ok=True)

    def size(self, path: str) -> int | None:
        try:
            with self._asked(path):
                return int(self._client.head_object(Bucket=self._bucket, Key=self._key(path))["ContentLength"])
        except FileNotFoundError:
            return None

    def digest(self, path: str) -> str:
        with self._asked(path):
            answer = self._client.get_object(Bucket=self._bucket, Key=self._key(path))
            whole = hashlib.sha256()
            for piece in answer["Body"].iter_chunks(1 << 20):
                whole.update(piece)
        return whole.hexdigest()[: content.DIGITS]

    def put_back(self, path: str) -> bool:
        copy, told = self.copies.find(path), content.told_digest(path)
        if copy is None or told is None or content.digest(copy) != told:
            return False
        with open(copy, "rb") as file:
            checksum = hashlib.file_digest(file, "sha256").digest()
            file.seek(0)
            self._put(path, file, checksum)
        return True

    def files(self, under: str) -> Iterator[Found]:
        prefix = self._key(under).rstrip("/") + "/"
        with self._asked(under):
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix):
                for one in page.get("Contents", ()):
                    yield Found(f"s3://{self._bucket}/{one['Key']}", one["Size"], one["LastModified"])

    def remove(self, path: str) -> None:
        with self._asked(path):
            self._client.delete_object(Bucket=self._bucket, Key=self._key(path))

    def _put(self, path: str, body: Any, checksum: bytes) -> None:
        faults.step("putting")
        with self._asked(path):
            self._client.put_object(
                Bucket=self._bucket, Key=self._key(path), Body=body, ChecksumSHA256=base64.b64encode(checksum).decode()
            )
        faults.step("put")

    def _key(self, path: str) -> str:
        return path.removeprefix(f"s3://{self._bucket}").lstrip("/")

    @contextmanager
    def _asked(self, path: str) -> Iterator[None]:
        """Say what went wrong in one of our words."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as wrong:
            code = str(wrong.response.get("Error", {}).get("Code", ""))
            if code in GONE:
                raise FileNotFoundError(path) from wrong
            raise Unavailable(f"The object store does not do what {path} needs: {wrong}") from wrong
        except BotoCoreError as wrong:
            raise Unavailable(f"The object store of {self.root} cannot be reached: {wrong}") from wrong
