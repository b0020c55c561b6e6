# SPDX-License-Identifier: Apache-2.0
"""Tables filled for measuring: afterwards they have their indexes, and whatever is written then is noted as ever."""

from __future__ import annotations

import pytest
from django.db import connection

from chengyun.cases.bare import bare
from chengyun.cases.models import Case
from chengyun.cases.statistics import folding, samples


def asked(text: str) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(text)
        return cursor.fetchall()


@pytest.mark.django_db(transaction=True)
def test_a_filled_table_is_what_it_was():
    from .conftest import make_bodies

    centre = make_bodies()["enforcement"].parent
    indexes = "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'cases_case' ORDER BY 1"
    before = asked(indexes)
    samples.fill(900)
    assert asked(indexes) == before
    assert Case.objects.count() == folding.rebuild() == 900
    assert folding.check() == []
    assert asked("SELECT count(*) FROM cases_words") == [(0,)]
    opened = Case.objects.filter(ended=False).first()
    assert opened.owner.parent == centre
    with pytest.raises(ZeroDivisionError), bare("cases_case"):
        raise ZeroDivisionError
    assert asked(indexes) == before
    assert asked("SHOW session_replication_role") == [("origin",)]
    Case.objects.filter(pk=opened.pk).delete()
    opened.pk = None
    opened.save(force_insert=True)  # noticed again: by the list of words, and by the counts
    assert asked("SELECT words FROM cases_words") == [(f"{opened.number} {opened.title}".lower(),)]
    folding.fold_all()
    assert folding.check() == []
