# SPDX-License-Identifier: Apache-2.0
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("access", "0003_names_and_passwords"),
    ]

    operations = [
        migrations.AlterField(
            model_name="assignment",
            name="role",
            field=models.CharField(
                choices=[
                    ("duty_officer", "值班员"),
                    ("department_clerk", "部门经办人"),
                    ("data_steward", "数据管理员"),
                    ("grid_worker", "网格员"),
                    ("handler", "处置人员"),
                    ("intake_clerk", "受理员"),
                    ("dispatcher", "派遣员"),
                    ("verifier", "核查员"),
                    ("leader", "领导"),
                    ("administrator", "系统管理员"),
                    ("security_officer", "安全管理员"),
                    ("auditor", "审计管理员"),
                    ("integrator", "接入单位"),
                    ("resident", "市民"),
                ],
                max_length=32,
                verbose_name="岗位",
            ),
        ),
        migrations.AlterField(
            model_name="assignmentevent",
            name="role",
            field=models.CharField(
                choices=[
                    ("duty_officer", "值班员"),
                    ("department_clerk", "部门经办人"),
                    ("data_steward", "数据管理员"),
                    ("grid_worker", "网格员"),
                    ("handler", "处置人员"),
                    ("intake_clerk", "受理员"),
                    ("dispatcher", "派遣员"),
                    ("verifier", "核查员"),
                    ("leader", "领导"),
                    ("administrator", "系统管理员"),
                    ("security_officer", "安全管理员"),
                    ("auditor", "审计管理员"),
                    ("integrator", "接入单位"),
                    ("resident", "市民"),
                ],
                max_length=32,
                verbose_name="岗位",
            ),
        ),
        migrations.AlterField(
            model_name="grant",
            name="role",
            field=models.CharField(
                blank=True,
                choices=[
                    ("duty_officer", "值班员"),
                    ("department_clerk", "部门经办人"),
                    ("data_steward", "数据管理员"),
                    ("grid_worker", "网格员"),
                    ("handler", "处置人员"),
                    ("intake_clerk", "受理员"),
                    ("dispatcher", "派遣员"),
                    ("verifier", "核查员"),
                    ("leader", "领导"),
                    ("administrator", "系统管理员"),
                    ("security_officer", "安全管理员"),
                    ("auditor", "审计管理员"),
                    ("integrator", "接入单位"),
                    ("resident", "市民"),
                ],
                default="",
                max_length=32,
                verbose_name="岗位",
            ),
        ),
        migrations.AlterField(
            model_name="grantevent",
            name="role",
            field=models.CharField(
                blank=True,
                choices=[
                    ("duty_officer", "值班员"),
                    ("department_clerk", "部门经办人"),
                    ("data_steward", "数据管理员"),
                    ("grid_worker", "网格员"),
                    ("handler", "处置人员"),
                    ("intake_clerk", "受理员"),
                    ("dispatcher", "派遣员"),
                    ("verifier", "核查员"),
                    ("leader", "领导"),
                    ("administrator", "系统管理员"),
                    ("security_officer", "安全管理员"),
                    ("auditor", "审计管理员"),
                    ("integrator", "接入单位"),
                    ("resident", "市民"),
                ],
                default="",
                max_length=32,
                verbose_name="岗位",
            ),
        ),
    ]
