# SPDX-License-Identifier: Apache-2.0
"""Messages of a neighbour that come over several connections at once."""

from __future__ import annotations

import threading
import uuid
from typing import Any

import pytest
from django.db import connection, transaction

from chengyun.access.models import Organisation
from chengyun.share.federation import inbox
from chengyun.share.federation.models import Neighbour, Taken


@pytest.mark.django_db(transaction=True)
def test_the_same_messages_in_two_orders_at_once_are_taken_once_and_wait_for_each_other() -> None:
    """Also in transactions of the caller's, as the door has them, that are held open until both have begun."""
    body = Organisation.objects.create(key="node-inbox", name="收件测试")
    neighbour = Neighbour.objects.create(name="inbox", address="http://far.test/exchange/v1", organisation=body)
    messages = [
        {"id": str(uuid.uuid4()), "kind": "none", "subject": f"s{at}", "step": 1, "body": {}} for at in range(40)
    ]  # fmt: skip
    begin, told, wrong = threading.Barrier(2, timeout=30), [], []

    def post(said: list[dict[str, Any]]) -> None:
        try:
            begin.wait()
            with transaction.atomic():
                told.append(inbox.take(neighbour, said))
        except Exception as one:
            wrong.append(one)
        finally:
            connection.close()

    threads = [threading.Thread(target=post, args=(said,)) for said in (messages, messages[::-1])]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert not wrong
    assert [[one["outcome"] for one in answers] for answers in told] == [["refused"] * 40] * 2
    assert Taken.objects.filter(neighbour=neighbour).count() == 40
