# SPDX-License-Identifier: Apache-2.0
# Boxes are a type of PostgreSQL's own, which Django does not know; the box of a geometry finds candidates, GiST finds boxes.
from django.db import migrations

MAKE = """
CREATE TABLE ngsild_place (
    entity_id bigint NOT NULL REFERENCES ngsild_entity (id) ON DELETE CASCADE,
    name      text NOT NULL,
    box       box NOT NULL,
    geometry  jsonb NOT NULL
);
CREATE INDEX ngsild_place_entity ON ngsild_place (entity_id);
CREATE INDEX ngsild_place_box ON ngsild_place USING gist (box);
CREATE INDEX ngsild_entity_list ON ngsild_entity (tenant, id);
"""
DROP = "DROP INDEX ngsild_entity_list; DROP TABLE ngsild_place;"


class Migration(migrations.Migration):
    dependencies = [("ngsild", "0001_first")]
    operations = [migrations.RunSQL(MAKE, DROP)]
