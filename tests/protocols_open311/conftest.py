# SPDX-License-Identifier: Apache-2.0
"""An installation of this folder's own that simulates nothing, with two keys that may file requests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element, fromstring

import httpx
import pytest

from chengyun.bench.place import Place, open_place

KEYS = """
from chengyun.access.models import Account, Organisation
from chengyun.access.services import issue_token
for name in ("app", "other"):
    account = Account.objects.create_user(name, password="Tower-Bridge-1894")
    print(issue_token(["report"], name, account=account))
print(issue_token(["read"], "reader"))
"""
LISTS = {
    "services": "service", "service_requests": "request", "attributes": "attribute", "values": "value", "errors": "error",
    "endpoints": "endpoint", "formats": "format", "history": "update",
}  # fmt: skip


class Server:
    """The server under test. key, other: two senders' keys; reader: a key that may not file."""

    def __init__(self, place: Place) -> None:
        self.place, self.url = place, f"{place.protocols_url}/open311"
        self.key, self.other, self.reader = place.django(KEYS).split()[-3:]
        self.client = httpx.Client(base_url=self.url, timeout=30)

    def get(self, path: str, **params: Any) -> httpx.Response:
        return self.client.get(path, params=params)

    def post(
        self, path: str = "/v2/requests.json", *, key: str | None = None, headers: Any = None, **form: Any
    ) -> httpx.Response:
        form.setdefault("api_key", self.key if key is None else key)
        return self.client.post(path, data=form, headers=headers)

    def both(self, path: str, **params: Any) -> tuple[Any, Any]:
        """Return the same document read as JSON, and as XML turned into the same shape of texts."""
        json, xml = self.get(f"{path}.json", **params), self.get(f"{path}.xml", **params)
        assert json.status_code == xml.status_code, xml.text
        assert json.headers["content-type"] == "application/json"
        assert xml.headers["content-type"] == "text/xml"
        root = fromstring(xml.content)
        return as_texts(json.json()), from_xml(root, root.tag)


def as_texts(value: Any) -> Any:
    """Return a JSON document with every leaf as the text XML would have; what is empty is None."""
    if isinstance(value, dict):
        return {key: as_texts(one) for key, one in value.items()}
    if isinstance(value, list):
        return [as_texts(one) for one in value]
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value in (None, "") else str(value)


def from_xml(element: Element, name: str) -> Any:
    """Return an element in the shape of the JSON document."""
    if name in LISTS:
        assert {child.tag for child in element} <= {LISTS[name]}
        return [from_xml(child, child.tag) for child in element]
    if len(element):
        return {child.tag: from_xml(child, child.tag) for child in element}
    return element.text or None


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with open_place(first=False, env={"CHENGYUN_DEMO": "0"}) as place:
        server = Server(place)
        yield server
        server.client.close()
