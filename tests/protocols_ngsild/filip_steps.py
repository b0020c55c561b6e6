# SPDX-License-Identifier: Apache-2.0
"""Run by the interpreter that has filip: filip_steps.py PORT TOKEN ENDPOINT. Prints the names of the steps that held."""

import json
import sys

import requests
from filip.clients.ngsi_ld.cb import ContextBrokerLDClient
from filip.models.base import FiwareLDHeader
from filip.models.ngsi_ld.context import ActionTypeLD, ContextLDEntity, ContextProperty
from filip.models.ngsi_ld.subscriptions import SubscriptionLD

done = []


def step(name: str, holds: object) -> None:
    if not holds:
        sys.exit(f"step {name!r} does not hold; before it: {done}")
    done.append(name)


session = requests.Session()
session.headers["Authorization"] = f"Bearer {sys.argv[2]}"
client = ContextBrokerLDClient(
    f"http://127.0.0.1:{sys.argv[1]}", session=session, fiware_header=FiwareLDHeader(ngsild_tenant="filip"), create_tenant=False
)
client.headers["Authorization"] = f"Bearer {sys.argv[2]}"

name = "urn:ngsi-ld:Room:filip1"
room = ContextLDEntity(id=name, type="Room", temperature={"type": "Property", "value": 20.5, "unitCode": "CEL"})
client.post_entity(room)
step("post", True)
got = client.get_entity(name)
step("get", got.id == name and got.type == "Room")
step("the value is kept", got.temperature.value == 20.5)
step("key values", client.get_entity(name, options="keyValues").temperature == 20.5)
client.update_entity_attribute(name, ContextProperty(value=22), "temperature")
step("update an attribute", client.get_entity(name).temperature.value == 22)
client.append_entity_attributes(ContextLDEntity(id=name, type="Room", humidity={"type": "Property", "value": 40}))
step("append", client.get_entity(name).humidity.value == 40)
client.append_entity_attributes(
    ContextLDEntity(id=name, type="Room", humidity={"type": "Property", "value": 41}, light={"type": "Property", "value": 1}),
    options="noOverwrite",
)
step("append without overwriting", client.get_entity(name).humidity.value == 40)
client.replace_existing_attributes_of_entity(ContextLDEntity(id=name, type="Room", humidity={"type": "Property", "value": 55}))
step("replace attributes", client.get_entity(name).humidity.value == 55)
client.delete_attribute(name, "light")
step("delete an attribute", "light" not in client.get_entity(name).model_dump())
desks = [ContextLDEntity(id=f"urn:ngsi-ld:Desk:{at}", type="Desk", height={"type": "Property", "value": at}) for at in range(30)]
client.entity_batch_operation(entities=desks, action_type=ActionTypeLD.CREATE)
step("batch create", len(client.get_entity_list(entity_type="Desk")) == 30)
step("list by q", len(client.get_entity_list(entity_type="Desk", q="height>=25")) == 5)
step("list by pattern", len(client.get_entity_list(entity_type="Desk", id_pattern="urn:ngsi-ld:Desk:1.*")) == 11)
step("list with a limit", len(client.get_entity_list(entity_type="Desk", limit=7)) >= 7)
for desk in desks:
    desk.height = ContextProperty(value=1)
client.entity_batch_operation(entities=desks, action_type=ActionTypeLD.UPSERT)
step("batch upsert", len(client.get_entity_list(entity_type="Desk", q="height==1")) == 30)
subscription = SubscriptionLD(
    id="urn:ngsi-ld:Subscription:filip1", type="Subscription", entities=[{"type": "Room"}],
    notification={"attributes": ["temperature"], "endpoint": {"uri": sys.argv[3], "accept": "application/json"}},
)  # fmt: skip
client.post_subscription(subscription)
step("subscribe", client.get_subscription("urn:ngsi-ld:Subscription:filip1").id == subscription.id)
step("list subscriptions", len(client.get_subscription_list()) == 1)
client.update_entity_attribute(name, ContextProperty(value=30), "temperature")
step("a change that is heard", True)
client.delete_subscription(subscription.id)
step("unsubscribe", client.get_subscription_list() == [])
client.entity_batch_operation(entities=desks, action_type=ActionTypeLD.DELETE)
step("batch delete", client.get_entity_list(entity_type="Desk") == [])
client.delete_entity_by_id(name)
step("delete", client.get_entity_list(entity_type="Room") == [])
print(json.dumps(done))
