# SPDX-License-Identifier: Apache-2.0
"""Runs on a real road network, from the form to the page; SUMO drives, and a run that fails says why."""

from __future__ import annotations

import re
import time
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from django.test import Client
from django.utils import timezone

from chengyun.access.actors import SYSTEM
from chengyun.access.models import Account, AuditRecord, Organisation
from chengyun.access.services import assign
from chengyun.errors import Malformed, Refused
from chengyun.govern.whatif import children, networks, repeating, services, tasks
from chengyun.govern.whatif.catalogue import MODELS
from chengyun.govern.whatif.inputs import written
from chengyun.govern.whatif.models import Network, Run
from chengyun.govern.whatif.work import traffic
from chengyun.govern.whatif.work.roads import distances, metres, read_roads, snap

pytestmark = pytest.mark.django_db
GRID = 5
"""Crossings a side of the made-up town; its streets are about 300 m apart."""


def town(folder: Path, *, gap: bool = False) -> Path:
    """Write a town of streets at right angles, the middle one a bridge by name, as OpenStreetMap would."""
    lines = ["<osm version='0.6'>"]
    for row in range(GRID):
        for column in range(GRID):
            lon, lat = 121.5 + 0.0032 * column, 29.9 + 0.0027 * row
            lines.append(f"<node id='{row * GRID + column + 1}' version='1' lon='{lon:.6f}' lat='{lat:.6f}'/>")
    for index in range(GRID):
        across = [index * GRID + column + 1 for column in range(GRID)]
        along = [row * GRID + index + 1 for row in range(GRID)]
        for kind, nodes, name in ((1, across, f"东西{index}路"), (2, along, "灵桥" if index == 2 else f"南北{index}路")):
            refs = "".join(f"<nd ref='{node}'/>" for node in nodes) + ("<nd ref='999'/>" if gap else "")
            tags = f"<tag k='highway' v='secondary'/><tag k='name' v='{name}'/><tag k='note' v='private'/>"
            lines.append(f"<way id='{kind * 100 + index}' version='1'>{refs}{tags}</way>")
    lines.append("<way id='900' version='1'><nd ref='1'/><nd ref='7'/><tag k='building' v='yes'/></way></osm>")
    file = folder / "town.osm"
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


@pytest.fixture
def loaded(tmp_path: Path) -> Network:
    return networks.load("town", "小城", "made up", town(tmp_path, gap=True), SYSTEM)


@pytest.fixture
def officer() -> Client:
    body = Organisation.objects.create(key="ops", name="运行中心")
    account = Account.objects.create(username="officer", organisation=body)
    assign(SYSTEM, account, "duty_officer", body)
    client = Client()
    client.force_login(account)
    return client


def test_of_an_extract_only_roads_and_what_they_need_is_kept(loaded: Network, tmp_path: Path) -> None:
    import gzip

    text = gzip.decompress(bytes(loaded.extract)).decode()
    assert (loaded.nodes, loaded.ways) == (25, 10)
    assert "building" not in text
    assert "private" not in text
    assert "999" not in text
    assert networks.load("town", "小城", "made up", town(tmp_path), SYSTEM).digest == loaded.digest
    for wrong, error in (("no.osm", Refused), ("bad.osm", Malformed), ("empty.osm", Malformed)):
        (tmp_path / "bad.osm").write_text("<osm version='0.6'><node id=")
        (tmp_path / "empty.osm").write_text("<osm version='0.6'></osm>")
        with pytest.raises(error):
            networks.load("other", "", "made up", tmp_path / wrong, SYSTEM)
    with pytest.raises(Refused, match="no key"):
        networks.load("Big Town", "", "made up", town(tmp_path), SYSTEM)
    assert AuditRecord.objects.filter(action="network.load").count() == 2


def test_a_run_goes_from_the_form_to_the_page(loaded: Network, officer: Client) -> None:
    page = officer.get("/whatif").content.decode()
    assert all(str(model.name) in page for model in MODELS.values())
    demand = "\n".join(f"小区{n},{121.5 + 0.0032 * (n % 5):.4f},{29.9 + 0.0027 * (n // 5):.4f},{100 + n}" for n in range(25))
    sites = "\n".join(f"点{n},{121.5 + 0.0032 * n:.4f},{29.9 + 0.0027 * n:.4f},{int(n == 0)}" for n in range(5))
    typed = {
        "network": "town",
        "mode": "walk",
        "goal": "median",
        "count": "1",
        "reach_m": "650",
        "demand": demand,
        "sites": sites,
    }
    wrong = officer.post("/whatif/models/siting/ask", typed | {"count": "none"})
    assert (wrong.status_code, "小区24" in wrong.content.decode(), Run.objects.count()) == (400, True, 0)
    page = officer.post("/whatif/models/siting/ask", typed | {"title": "菜场"}, follow=True)
    assert "正在计算" in page.content.decode()
    run = services.work_out(Run.objects.get().pk, timezone.now())
    assert (run.state, run.reason) == ("done", "")
    assert [row[:2] for row in run.result["tables"]["sites"]] == [["点0", "existing"], ["点3", "new"]]
    told = officer.get(f"/whatif/{run.pk}")
    assert "新设" in told.content.decode()
    assert "plan-new" in told.content.decode()
    assert re.search(r"点3</th>", told.content.decode())
    like = officer.get(f"/whatif/models/siting?like={run.pk}").content.decode()
    assert "小区24" in like
    assert repeating.same_again(run.pk) == (True, "")
    Network.objects.update(digest="other")
    assert "loaded anew" in repeating.same_again(run.pk)[1]
    assert AuditRecord.objects.filter(action="whatif.run").count() == 1
    assert Client().get("/whatif").status_code == 302


def test_a_point_far_from_any_road_is_named(loaded: Network) -> None:
    given = {
        "network": "town", "count": "1", "demand": "象山,121.9,29.4,5", "sites": "甲,121.5,29.9\n乙,121.503,29.9",
    }  # fmt: skip
    run = services.work_out(services.ask("siting", "", given, SYSTEM).pk, timezone.now())
    assert (run.state, "象山" in run.reason) == ("failed", True)


def test_a_run_in_a_process_of_its_own_says_why_it_has_no_result(loaded: Network, officer: Client, monkeypatch) -> None:
    run = services.ask("traffic", "", {"network": "town", "closed": "灵桥"}, SYSTEM)

    monkeypatch.setattr(children.sys, "executable", "/bin/false")
    tasks.work_asked.func(0)
    run.refresh_from_db()
    assert (run.state, "ended with 1" in run.reason) == ("failed", True)
    assert "ended with 1" in officer.get(f"/whatif/{run.pk}").content.decode()
    done = services.work_out(run.pk, timezone.now())
    assert done.state == "failed"  # what was said stays said


def test_a_run_that_takes_its_process_along_is_given_up_in_a_sentence(loaded: Network, officer: Client, monkeypatch) -> None:
    """What kills `jobs` each time is begun three times, never before what waits behind it, and then says why it has no result."""
    heavy = services.ask("traffic", "", {"network": "town", "closed": "灵桥"}, SYSTEM)
    asked = []

    def killed(words: list[str], _within: float) -> str:
        asked.append(int(words[-1]))
        raise SystemExit  # the task is gone, and nobody says anything

    monkeypatch.setattr(tasks, "run_apart", killed)
    for _time in range(services.MOST_TRIES):
        with pytest.raises(SystemExit):
            tasks.work_asked.func(0)
        heavy.refresh_from_db()
        assert heavy.state == "running"
    light = services.ask("traffic", "", {"network": "town", "closed": "灵桥"}, SYSTEM)
    with pytest.raises(SystemExit):
        tasks.work_asked.func(0)
    assert asked == [heavy.pk] * services.MOST_TRIES + [light.pk]
    Run.objects.filter(pk=light.pk).update(state="done")
    tasks.work_asked.func(0)
    tasks.work_asked.func(0)
    heavy.refresh_from_db()
    assert (heavy.state, heavy.tries, len(asked)) == ("failed", services.MOST_TRIES, services.MOST_TRIES + 1)
    assert "每次都在中途被打断" in officer.get(f"/whatif/{heavy.pk}").content.decode()


def test_what_takes_too_long_is_ended_with_its_children(monkeypatch, tmp_path: Path) -> None:
    """What the child started writes a line every tenth of a second: it is over when no line comes any more."""
    beats = tmp_path / "beats"
    slow = tmp_path / "slow"
    slow.write_text(f"#!/bin/sh\n(while :; do echo >> {beats}; sleep 0.1; done) &\nwait\n")
    slow.chmod(0o755)
    monkeypatch.setattr(children.sys, "executable", str(slow))
    assert "more than 2 s" in children.run_apart([], 2)
    written = beats.stat().st_size
    assert written
    for _ in range(20):  # one that is being ended may still write for a moment on a busy machine
        time.sleep(0.5)
        before, written = written, beats.stat().st_size
        if written == before:
            return
    pytest.fail("The child of the child goes on.")


def test_a_version_that_changed_is_not_passed_off_as_the_one_asked_for() -> None:
    run = services.ask("allocation", "", written(MODELS["allocation"], MODELS["allocation"].example), SYSTEM, seed=7)
    Run.objects.filter(pk=run.pk).update(version="0")
    assert "version 0" in services.work_out(run.pk, timezone.now()).reason


def test_sumo_drives_round_a_closed_bridge_and_gives_the_same_again(loaded: Network) -> None:
    given = {"network": "town", "closed": "灵桥", "vehicles": "240", "minutes": "5", "through": "0", "runs": "3"}
    run = services.work_out(services.ask("traffic", "", given, SYSTEM, seed=5).pk, timezone.now())
    assert (run.state, run.reason) == ("done", "")
    found = run.result["figures"]
    # Before, the bridge carried somebody; closed, nobody; and going round takes longer.
    bridge = next(row for row in run.result["tables"]["roads"] if row[0] == "灵桥")
    assert bridge[1] > 0
    assert bridge[2] == 0
    assert found["affected_s"] > 0
    assert found["low_s"] <= found["change_s"] <= found["high_s"]
    assert found["stuck"] == 0
    assert repeating.same_again(run.pk) == (True, "")
    extract = bytes(loaded.extract)
    with pytest.raises(Refused, match="南北1路"):
        traffic.compare(extract, {"closed": "南北1道", "vehicles": 60, "minutes": 5, "through": 0, "runs": 3}, 1)


def test_distances_along_real_roads_agree_with_another_algorithm(shared: Path) -> None:
    made = networks.load(
        "helsinki", "Helsinki", "OpenStreetMap, ODbL", shared / "data" / "osm-helsinki" / "Helsinki.osm.pbf", SYSTEM
    )
    for mode in ("walk", "drive"):
        roads = read_roads(bytes(made.extract), mode)  # type: ignore[arg-type]
        graph = nx.from_scipy_sparse_array(roads.graph, create_using=nx.DiGraph)
        draw = np.random.default_rng(1)
        starts, ends = draw.integers(len(roads.lons), size=(2, 12))
        found = distances(roads, starts, ends)
        for row, start in enumerate(starts):
            theirs = nx.single_source_dijkstra_path_length(graph, int(start))
            assert found[row] == pytest.approx([theirs[int(end)] for end in ends])
        straight = metres(roads.lons[starts][:, None], roads.lats[starts][:, None], roads.lons[ends], roads.lats[ends])
        assert (found >= straight - 1e-6).all()
        assert np.median(found / np.maximum(straight, 1)) < 2
    nodes, away = snap(roads, [("Rautatientori", 24.9435, 60.1710)])
    assert away[0] < 100
    assert 0 <= nodes[0] < len(roads.lons)
