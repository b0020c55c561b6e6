# SPDX-License-Identifier: Apache-2.0
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("operate", "0001_initial")]

    operations = [
        migrations.AlterField(
            model_name="alertevent",
            name="kind",
            field=models.CharField(
                choices=[
                    ("raised", "产生"),
                    ("returned", "再次成立"),
                    ("acknowledged", "确认"),
                    ("lapsed", "确认后未处理，重新待确认"),
                    ("cleared", "条件解除"),
                    ("case_opened", "立案"),
                    ("case_ended", "结案"),
                    ("closed", "关闭"),
                ],
                max_length=16,
            ),
        ),
    ]
