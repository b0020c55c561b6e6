# SPDX-License-Identifier: Apache-2.0
import django.core.serializers.json
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("access", "0004_casework"),
        ("cases", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="CaseStage",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("state", models.CharField(max_length=63)),
                ("post", models.CharField(max_length=32)),
                ("clock", models.CharField(choices=[("runs", "计时"), ("paused", "停表"), ("ended", "已止")], max_length=8)),
                ("reason", models.CharField(blank=True, default="", max_length=500)),
                ("entered_at", models.DateTimeField()),
                ("left_at", models.DateTimeField(null=True)),
                (
                    "basis",
                    models.CharField(
                        choices=[("continuous", "连续计时"), ("working", "工作时间")], default="continuous", max_length=10
                    ),
                ),
                ("limit_s", models.BigIntegerField(null=True)),
                ("used_s", models.FloatField(default=0.0)),
                ("own_limit", models.BooleanField(default=False)),
                ("due_at", models.DateTimeField(null=True)),
                ("until", models.DateTimeField(null=True)),
                ("told", models.SmallIntegerField(default=0)),
            ],
            options={
                "ordering": ["entered_at", "id"],
            },
        ),
        migrations.RemoveIndex(
            model_name="case",
            name="cases_case_due",
        ),
        migrations.AddField(
            model_name="case",
            name="address",
            field=models.CharField(blank=True, default="", max_length=200, verbose_name="地址"),
        ),
        migrations.AddField(
            model_name="case",
            name="arbitrations",
            field=models.SmallIntegerField(default=0, verbose_name="仲裁次数"),
        ),
        migrations.AddField(
            model_name="case",
            name="catalog_version",
            field=models.CharField(blank=True, default="", max_length=32, verbose_name="目录版本"),
        ),
        migrations.AddField(
            model_name="case",
            name="category",
            field=models.CharField(blank=True, default="", max_length=64, verbose_name="类别"),
        ),
        migrations.AddField(
            model_name="case",
            name="component_key",
            field=models.CharField(blank=True, default="", max_length=64, verbose_name="部件"),
        ),
        migrations.AddField(
            model_name="case",
            name="condition",
            field=models.CharField(blank=True, default="", max_length=32, verbose_name="立案条件"),
        ),
        migrations.AddField(
            model_name="case",
            name="deferrals",
            field=models.SmallIntegerField(default=0, verbose_name="缓办次数"),
        ),
        migrations.AddField(
            model_name="case",
            name="department",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="charged_cases",
                to="access.organisation",
                verbose_name="责任部门",
            ),
        ),
        migrations.AddField(
            model_name="case",
            name="description",
            field=models.TextField(blank=True, default="", verbose_name="描述"),
        ),
        migrations.AddField(
            model_name="case",
            name="dispatched_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="首次派遣时间"),
        ),
        migrations.AddField(
            model_name="case",
            name="emergency",
            field=models.BooleanField(default=False, verbose_name="紧急"),
        ),
        migrations.AddField(
            model_name="case",
            name="extensions",
            field=models.SmallIntegerField(default=0, verbose_name="延期次数"),
        ),
        migrations.AddField(
            model_name="case",
            name="handled_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="处置完毕时间"),
        ),
        migrations.AddField(
            model_name="case",
            name="handled_by",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="处置人",
            ),
        ),
        migrations.AddField(
            model_name="case",
            name="lead",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="parts",
                to="cases.case",
                verbose_name="主案件",
            ),
        ),
        migrations.AddField(
            model_name="case",
            name="merged_into",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="merged",
                to="cases.case",
                verbose_name="并入",
            ),
        ),
        migrations.AddField(
            model_name="case",
            name="priority",
            field=models.SmallIntegerField(default=0, verbose_name="优先级"),
        ),
        migrations.AddField(
            model_name="case",
            name="reopened",
            field=models.SmallIntegerField(default=0, verbose_name="重开次数"),
        ),
        migrations.AddField(
            model_name="case",
            name="report_count",
            field=models.IntegerField(default=1, verbose_name="报告数"),
        ),
        migrations.AddField(
            model_name="case",
            name="returns",
            field=models.SmallIntegerField(default=0, verbose_name="退单次数"),
        ),
        migrations.AddField(
            model_name="case",
            name="rework",
            field=models.SmallIntegerField(default=0, verbose_name="返工次数"),
        ),
        migrations.AddField(
            model_name="case",
            name="source",
            field=models.CharField(
                choices=[
                    ("web", "网页"),
                    ("app", "手机应用"),
                    ("hotline", "热线"),
                    ("alert", "预警"),
                    ("api", "接口"),
                    ("open311", "Open311"),
                    ("email", "电子邮件"),
                    ("patrol", "巡查"),
                    ("import", "导入"),
                ],
                default="web",
                max_length=16,
                verbose_name="来源",
            ),
        ),
        migrations.AddField(
            model_name="case",
            name="stage_since",
            field=models.DateTimeField(default=django.utils.timezone.now, verbose_name="进入当前状态时间"),
        ),
        migrations.AddField(
            model_name="case",
            name="supervised_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="督办时间"),
        ),
        migrations.AddField(
            model_name="case",
            name="suspended",
            field=models.BooleanField(default=False, verbose_name="挂账中"),
        ),
        migrations.AddField(
            model_name="case",
            name="suspensions",
            field=models.SmallIntegerField(default=0, verbose_name="挂账次数"),
        ),
        migrations.AddField(
            model_name="case",
            name="verified_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="核查通过时间"),
        ),
        migrations.AddField(
            model_name="case",
            name="warn_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="黄灯时间"),
        ),
        migrations.AddField(
            model_name="caseclock",
            name="basis",
            field=models.CharField(
                choices=[("continuous", "连续计时"), ("working", "工作时间")],
                default="continuous",
                max_length=10,
                verbose_name="计时方式",
            ),
        ),
        migrations.AddField(
            model_name="caseclock",
            name="edition",
            field=models.DateField(blank=True, null=True, verbose_name="时限版本"),
        ),
        migrations.AddField(
            model_name="caseclock",
            name="granted_s",
            field=models.BigIntegerField(default=0, verbose_name="原时限（秒）"),
        ),
        migrations.AddField(
            model_name="caseclock",
            name="limit_text",
            field=models.CharField(blank=True, default="", max_length=32, verbose_name="时限"),
        ),
        migrations.AddField(
            model_name="caseclock",
            name="source",
            field=models.CharField(blank=True, default="", max_length=200, verbose_name="时限依据"),
        ),
        migrations.AddField(
            model_name="caseevent",
            name="data",
            field=models.JSONField(default=dict, encoder=django.core.serializers.json.DjangoJSONEncoder),
        ),
        migrations.AddField(
            model_name="caseevent",
            name="reason_code",
            field=models.CharField(blank=True, default="", max_length=64),
        ),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(condition=models.Q(("ended", False)), fields=["due_at", "id"], name="cases_case_open_due"),
        ),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(condition=models.Q(("warn_at__isnull", False)), fields=["warn_at"], name="cases_case_warn"),
        ),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(condition=models.Q(("ended", True)), fields=["-closed_at", "-id"], name="cases_case_closed"),
        ),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(fields=["opened_at"], name="cases_case_opened"),
        ),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(fields=["type", "category"], name="cases_case_category"),
        ),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(condition=models.Q(("ended", False)), fields=["person", "due_at"], name="cases_case_person"),
        ),
        migrations.AddConstraint(
            model_name="case",
            constraint=models.CheckConstraint(
                condition=models.Q(("merged_into", models.F("id")), _negated=True), name="cases_case_not_merged_into_itself"
            ),
        ),
        migrations.AddField(
            model_name="casestage",
            name="case",
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="stages", to="cases.case"),
        ),
        migrations.AddField(
            model_name="casestage",
            name="owner",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="access.organisation"
            ),
        ),
        migrations.AddField(
            model_name="casestage",
            name="person",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddIndex(
            model_name="casestage",
            index=models.Index(condition=models.Q(("left_at__isnull", True)), fields=["due_at"], name="cases_casestage_due"),
        ),
        migrations.AddIndex(
            model_name="casestage",
            index=models.Index(fields=["entered_at"], name="cases_casestage_entered"),
        ),
        migrations.AddConstraint(
            model_name="casestage",
            constraint=models.UniqueConstraint(
                condition=models.Q(("left_at__isnull", True)), fields=("case",), name="cases_casestage_one_open"
            ),
        ),
        migrations.AddConstraint(
            model_name="casestage",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("clock", "paused"), _negated=True), models.Q(("reason", ""), _negated=True), _connector="OR"
                ),
                name="cases_casestage_pause_has_reason",
            ),
        ),
        migrations.AddConstraint(
            model_name="casestage",
            constraint=models.CheckConstraint(
                condition=models.Q(("left_at__isnull", True), ("left_at__gte", models.F("entered_at")), _connector="OR"),
                name="cases_casestage_in_order",
            ),
        ),
        migrations.AddField(
            model_name="case",
            name="stage",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="cases.casestage",
            ),
        ),
    ]
