# SPDX-License-Identifier: Apache-2.0

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("cases", "0008_event_times"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name="caseevent",
            index=models.Index(
                condition=models.Q(("data__has_key", "category")), fields=["case"], name="cases_caseevent_category"
            ),
        ),
    ]
