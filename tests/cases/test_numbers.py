# SPDX-License-Identifier: Apache-2.0
"""The first cases of a year get their numbers side by side."""

from __future__ import annotations

import threading

import pytest
from django.db import connection, connections


@pytest.mark.django_db(transaction=True)
def test_the_first_numbers_of_a_year_are_given_to_many_at_once() -> None:
    for year in range(1900, 1906):
        given, barrier = list[int](), threading.Barrier(6)

        def ask(year: int = year, given: list[int] = given, barrier: threading.Barrier = barrier) -> None:
            try:
                with connections["default"].cursor() as cursor:
                    cursor.execute("SELECT to_regclass(%s)", [f"cases_number_{year}"])
                    barrier.wait(20)
                    cursor.execute("SELECT cases_next_number(%s)", [year])
                    given.append(cursor.fetchone()[0])
            finally:
                connections.close_all()

        askers = [threading.Thread(target=ask) for _ in range(6)]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join()
        assert sorted(given) == [1, 2, 3, 4, 5, 6]
        with connection.cursor() as cursor:
            cursor.execute(f"DROP SEQUENCE cases_number_{year}")
