# SPDX-License-Identifier: Apache-2.0
"""A submission its stream does not take becomes a dead letter; mended, it is in the stream and the submission accepted."""

from __future__ import annotations

import json

from chengyun.bench.place import Place

STORY = """
import json, uuid
from chengyun.access.actors import actor_of_account
from chengyun.access.models import Account, Assignment, Organisation
from chengyun.collect import services as letters
from chengyun.collect.forms import services
from chengyun.collect.forms.models import Form
from chengyun.collect.models import DeadLetter
from chengyun.errors import Malformed
from chengyun.lake.read import snapshot
from chengyun.packs.parking.models import Lot
from chengyun.share.lineage import flows
from django.utils import timezone
centre = Organisation.objects.get(key="operations_centre")
def person(name, role):
    account, made = Account.objects.get_or_create(username=name, defaults={"name": name, "organisation": centre})
    if made:
        Assignment.objects.create(account=account, role=role, organisation=centre)
    return actor_of_account(account)
worker, steward = person("mend-worker", "grid_worker"), person("mend-steward", "data_steward")
form = Form.objects.get(key="house_safety")
version = form.versions.get(state="published")
services.connect(form, "parking.lot_free", {"lot": "address", "free": "storeys"}, steward)
number = f"uuid:{uuid.uuid4()}"
xml = (
    f'<data id="house_safety" version="{version.version}"><address>nowhere</address><storeys>3</storeys>'
    f"<meta><instanceID>{number}</instanceID></meta></data>"
)
submission = services.take(xml.encode(), {}, worker).submission
said = []
def accept():
    submission.refresh_from_db()
    try:
        services.review(submission, True, "", steward)
    except Malformed as refused:
        said.append(refused.sentence)
accept()
letter = DeadLetter.objects.get(stream="parking.lot_free", state="waiting", row__lot="nowhere")
Lot.objects.get_or_create(key="mended-lot", defaults={"name": "改正的停车场", "area_code": "330203"})
mended = letters.retry(steward, letter.pk, {**letter.row, "lot": "mended-lot"})
accept()
submission.refresh_from_db()
with snapshot(["parking.lot_free"]) as lake:
    rows = lake.rows("SELECT lot, free FROM parking.lot_free WHERE lot IN ('mended-lot', 'nowhere')", [])
events = [one for one in flows.accepted_on(timezone.localdate()) if one["job"]["name"] == "form.house_safety"]
services.connect(form, "", {}, steward)
print(json.dumps({
    "told": [[one["inputs"][0]["name"], one["outputs"][0]["name"], one["run"]["facets"]["tags"]["tags"]] for one in events],
    "said": said, "note": mended.note, "state": submission.state, "rows": [[row["lot"], row["free"]] for row in rows],
    "waiting": DeadLetter.objects.filter(stream="parking.lot_free", state="waiting", row__lot="nowhere").count(),
}))
"""


def test_a_mended_dead_letter_of_a_submission_is_in_the_stream_once_and_the_submission_accepted(running: Place) -> None:
    done = running.run("forms", "--examples", "--publish")
    assert done.returncode == 0 or "已经发布过" in done.stderr, done.stderr
    told = json.loads(running.django(STORY).splitlines()[-1])
    assert len(told["said"]) == 1, told["said"]
    assert "nowhere" in told["said"][0]
    assert told["note"] == "已入库。"
    assert told["rows"] == [["mended-lot", 3.0]]
    assert (told["state"], told["waiting"]) == ("accepted", 0)
    sent = [{"key": "submissions", "value": "1", "source": "CHENGYUN"}]
    assert told["told"] == [["form:house_safety", "parking.lot_free", sent]], "the stream's receipt is found by the form's key"
