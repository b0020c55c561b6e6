# SPDX-License-Identifier: Apache-2.0
"""The interval of five in ten is widened by its own past."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("forecasts", "0001_initial")]

    operations = [migrations.AddField(model_name="issue", name="widened_half", field=models.FloatField(default=1.0))]
