# SPDX-License-Identifier: Apache-2.0

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("access", "0001_initial"),
    ]

    operations = [
        migrations.AlterField(
            model_name="assignment",
            name="area_code",
            field=models.CharField(
                blank=True,
                default="",
                max_length=15,
                validators=[django.core.validators.RegexValidator("^\\d{0,15}$", "区域编码是至多十五位数字。")],
                verbose_name="区域",
            ),
        ),
        migrations.AlterField(
            model_name="assignmentevent",
            name="area_code",
            field=models.CharField(
                blank=True,
                default="",
                max_length=15,
                validators=[django.core.validators.RegexValidator("^\\d{0,15}$", "区域编码是至多十五位数字。")],
                verbose_name="区域",
            ),
        ),
        migrations.AlterField(
            model_name="grant",
            name="area_code",
            field=models.CharField(
                blank=True,
                default="",
                max_length=15,
                validators=[django.core.validators.RegexValidator("^\\d{0,15}$", "区域编码是至多十五位数字。")],
                verbose_name="区域",
            ),
        ),
        migrations.AlterField(
            model_name="grantevent",
            name="area_code",
            field=models.CharField(
                blank=True,
                default="",
                max_length=15,
                validators=[django.core.validators.RegexValidator("^\\d{0,15}$", "区域编码是至多十五位数字。")],
                verbose_name="区域",
            ),
        ),
        migrations.AlterField(
            model_name="organisation",
            name="area_code",
            field=models.CharField(
                blank=True,
                default="",
                max_length=15,
                validators=[django.core.validators.RegexValidator("^\\d{0,15}$", "区域编码是至多十五位数字。")],
                verbose_name="区域",
            ),
        ),
        migrations.AlterField(
            model_name="organisationevent",
            name="area_code",
            field=models.CharField(
                blank=True,
                default="",
                max_length=15,
                validators=[django.core.validators.RegexValidator("^\\d{0,15}$", "区域编码是至多十五位数字。")],
                verbose_name="区域",
            ),
        ),
    ]
