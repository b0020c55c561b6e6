# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from chengyun.access.models import Account, Assignment, Grant, Organisation


@pytest.mark.django_db
def test_an_account_acts_for_an_organisation() -> None:
    bureau = Organisation.objects.create(key="environment", name="生态环境局")
    account = Account.objects.create_user("li", name="李雷", organisation=bureau)
    Assignment.objects.create(account=account, role="department_clerk", organisation=bureau, area_code="330203")
    assert str(account) == "李雷"
    assert [one.role for one in account.assignments.all()] == ["department_clerk"]


@pytest.mark.django_db
def test_a_grant_to_nobody_is_refused() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Grant.objects.create(dataset="alerts")
