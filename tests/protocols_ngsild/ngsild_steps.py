# SPDX-License-Identifier: Apache-2.0
"""Run by the interpreter that has ngsildclient: ngsild_steps.py PORT TOKEN. Prints the names of the steps that held."""

import json
import sys

from ngsildclient import Client, Entity
from ngsildclient.api.exceptions import NgsiAlreadyExistsError
from requests.auth import AuthBase

done = []


class Bearer(AuthBase):
    def __call__(self, request):  # type: ignore[no-untyped-def]
        request.headers["Authorization"] = f"Bearer {sys.argv[2]}"
        return request


def step(name: str, holds: object) -> None:
    if not holds:
        sys.exit(f"step {name!r} does not hold; before it: {done}")
    done.append(name)


client = Client(
    "127.0.0.1", int(sys.argv[1]), custom_auth=Bearer(), verbose=False, tenant="ngsildclient", tenant_autocreate=False
)
CORE = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context.jsonld"
step("is connected", client.is_connected())

room = Entity("Room", "Room1", ctx=[CORE])
room.prop("temperature", 21.5, unitcode="CEL").prop("pressure", 720).rel("isIn", "urn:ngsi-ld:Building:B1")
room.gprop("location", (29.9, 121.5)).tprop("checkedAt", "2026-11-22T08:00:00Z")
step("create", client.create(room))
step("exists", client.exists(room))
try:
    again = client.create(room)
except NgsiAlreadyExistsError:
    again = False
step("create again is refused", not again)
got = client.get(room.id)
step("get", got is not None and got["temperature"]["value"] == 21.5)
step("unit code is kept", got["temperature"]["unitCode"] == "CEL")
step("relationship is kept", got["isIn"]["object"] == "urn:ngsi-ld:Building:B1")
step("location is kept", got["location"]["value"]["coordinates"] == [121.5, 29.9])
got["temperature"]["value"] = 25
step("update", client.update(got))
step("the update is seen", client.get(room.id)["temperature"]["value"] == 25)
step("upsert", client.upsert(Entity("Room", "Room2", ctx=[CORE]).prop("temperature", 30)))
step("count", client.count(type="Room") == 2)
step("query by type", len(client.query(type="Room")) == 2)
step("query by q", [one.id for one in client.query(type="Room", q="temperature>26")] == ["urn:ngsi-ld:Room:Room2"])
many = [Entity("Desk", f"D{at}", ctx=[CORE]).prop("height", at) for at in range(50)]
step("batch create", client.batch.create(many).n_ok == 50)
step("count of the batch", client.count(type="Desk") == 50)
step("batch upsert", client.batch.upsert([one.prop("height", 99) for one in many]).n_ok == 50)
step("query with a limit", len(client.query(type="Desk", limit=10)) >= 10)
step("types", "Desk" in json.dumps(client.types.list()))
step("batch delete", client.batch.delete(many).n_ok == 50)
step("nothing is left of it", client.count(type="Desk") == 0)
step("delete", client.delete(room))
step("it is gone", not client.exists(room))
print(json.dumps(done))
