# SPDX-License-Identifier: Apache-2.0
import django.core.serializers.json
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

NOTE = """
CREATE FUNCTION alerting_note_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO alerting_change (alert_id, event_id, kind, at)
    SELECT event.alert_id, event.id, event.kind, event.at FROM fresh AS event JOIN operate_alert AS alert ON alert.id = event.alert_id
    WHERE alert.closed_at IS NULL OR alert.closed_at <> alert.opened_at ORDER BY event.id;
    IF FOUND THEN PERFORM pg_notify('chengyun_alert', ''); END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER alerting_note_change AFTER INSERT ON operate_alertevent REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION alerting_note_change();
"""
"""Alerts that are born closed, because they came with history or ended inside one batch, call nobody."""

FORGET = "DROP TRIGGER alerting_note_change ON operate_alertevent; DROP FUNCTION alerting_note_change();"


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("operate", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Change",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("alert_id", models.BigIntegerField()),
                ("event_id", models.BigIntegerField()),
                ("kind", models.CharField(max_length=16)),
                ("at", models.DateTimeField()),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="Plan",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("text", models.TextField()),
                ("version", models.CharField(max_length=12)),
                ("loaded_at", models.DateTimeField()),
                ("loaded_by", models.CharField(max_length=150)),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="Roster",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.SlugField(max_length=63, unique=True, verbose_name="标识")),
                ("name", models.CharField(max_length=100, verbose_name="名称")),
                ("area_code", models.CharField(blank=True, default="", max_length=12, verbose_name="区域")),
            ],
            options={
                "ordering": ["key"],
            },
        ),
        migrations.CreateModel(
            name="Group",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=400)),
                ("route", models.CharField(max_length=63, verbose_name="路由")),
                ("labels", models.JSONField()),
                ("since", models.DateTimeField(verbose_name="自")),
                ("due_at", models.DateTimeField(null=True)),
                ("told_at", models.DateTimeField(null=True, verbose_name="通知时间")),
                ("told", models.JSONField(default=list)),
                ("step", models.SmallIntegerField(default=0)),
                ("step_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(condition=models.Q(("ended_at", None)), fields=["due_at"], name="alerting_group_due"),
                    models.Index(condition=models.Q(("ended_at", None)), fields=["step_at"], name="alerting_group_step"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at", None)), fields=("key",), name="alerting_group_one_open"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Member",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "muted",
                    models.CharField(
                        blank=True,
                        choices=[("", "未静默"), ("silenced", "已静默"), ("inhibited", "被抑制")],
                        default="",
                        max_length=9,
                    ),
                ),
                ("because", models.CharField(blank=True, default="", max_length=300)),
                (
                    "alert",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="membership", to="operate.alert"
                    ),
                ),
                (
                    "group",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="members", to="alerting.group"),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Notice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("new", "新预警"),
                            ("changed", "有变化"),
                            ("repeated", "仍未解除"),
                            ("escalated", "升级"),
                            ("ended", "已解除"),
                        ],
                        max_length=9,
                        verbose_name="类别",
                    ),
                ),
                ("at", models.DateTimeField(verbose_name="时间")),
                ("severity", models.CharField(max_length=8, verbose_name="级别")),
                ("title", models.CharField(max_length=300, verbose_name="标题")),
                ("body", models.JSONField(encoder=django.core.serializers.json.DjangoJSONEncoder)),
                (
                    "group",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="notices", to="alerting.group"),
                ),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="Shift",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("starts", models.DateTimeField(verbose_name="开始")),
                ("ends", models.DateTimeField(verbose_name="结束")),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="shifts",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="值班人",
                    ),
                ),
                (
                    "roster",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="shifts", to="alerting.roster"),
                ),
            ],
            options={
                "ordering": ["starts", "id"],
            },
        ),
        migrations.CreateModel(
            name="Silence",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("match", models.JSONField(default=dict, verbose_name="匹配")),
                ("since", models.DateTimeField(verbose_name="自")),
                ("until", models.DateTimeField(null=True, verbose_name="至")),
                ("why", models.CharField(max_length=300, verbose_name="原因")),
                ("area_code", models.CharField(blank=True, default="", max_length=12, verbose_name="区域")),
                ("ended_at", models.DateTimeField(null=True, verbose_name="结束")),
                (
                    "alert",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.CASCADE, related_name="silences", to="operate.alert"
                    ),
                ),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="设置人",
                    ),
                ),
                (
                    "ended_by",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="Swap",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "state",
                    models.CharField(
                        choices=[("asked", "待同意"), ("agreed", "已同意"), ("refused", "已拒绝")], default="asked", max_length=8
                    ),
                ),
                ("asked_at", models.DateTimeField()),
                ("settled_at", models.DateTimeField(null=True)),
                (
                    "asked_by",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL),
                ),
                (
                    "shift",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="swaps", to="alerting.shift"),
                ),
                (
                    "to",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL),
                ),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="Delivery",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("channel", models.CharField(max_length=8, verbose_name="渠道")),
                ("target", models.CharField(max_length=300, verbose_name="接收方")),
                (
                    "state",
                    models.CharField(
                        choices=[("waiting", "待发送"), ("sent", "已发送"), ("dead", "发送失败"), ("dropped", "已放弃")],
                        default="waiting",
                        max_length=8,
                        verbose_name="状态",
                    ),
                ),
                ("attempts", models.SmallIntegerField(default=0, verbose_name="次数")),
                ("next_at", models.DateTimeField(null=True)),
                ("sent_at", models.DateTimeField(null=True, verbose_name="发送时间")),
                ("seen_at", models.DateTimeField(null=True, verbose_name="已读")),
                ("error", models.CharField(blank=True, default="", max_length=300, verbose_name="错误")),
                (
                    "account",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="alert_deliveries",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "notice",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="deliveries", to="alerting.notice"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(condition=models.Q(("state", "waiting")), fields=["next_at"], name="alerting_delivery_waiting"),
                    models.Index(fields=["account", "-id"], name="alerting_delivery_inbox"),
                ],
                "constraints": [models.UniqueConstraint(fields=("notice", "channel", "target"), name="alerting_delivery_once")],
            },
        ),
        migrations.AddIndex(
            model_name="shift",
            index=models.Index(fields=["roster", "starts"], name="alerting_shift_when"),
        ),
        migrations.AddConstraint(
            model_name="shift",
            constraint=models.CheckConstraint(
                condition=models.Q(("ends__gt", models.F("starts"))), name="alerting_shift_has_length"
            ),
        ),
        migrations.AddConstraint(
            model_name="swap",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "asked")), fields=("shift",), name="alerting_swap_one_asked"
            ),
        ),
        migrations.RunSQL(NOTE, FORGET),
    ]
