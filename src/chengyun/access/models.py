# SPDX-License-Identifier: Apache-2.0
"""Who acts, for whom, and what they did.

    Organisation ─┬─ parent
                  └─< Assignment >── Account      a role in an organisation for an area, for a time
    Token >── Account                             a machine's key
    Grant >── Organisation or role                what may be read beyond the policy
    AuditRecord ──< AuditLink                     what was done; the chain over it

Nothing here decides: chengyun.access.policy does.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractUser, UserManager
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.contrib.postgres.fields import ArrayField
from django.core.serializers.json import DjangoJSONEncoder
from django.core.validators import RegexValidator
from django.db import connection, models
from django.db.models.functions import Now, Upper
from django.utils.translation import gettext_lazy as _

from chengyun.city.models import tracked


class Role(models.TextChoices):
    """Every role there is. What each may do stands in policy.toml."""

    DUTY_OFFICER = "duty_officer", _("值班员")
    DEPARTMENT_CLERK = "department_clerk", _("部门经办人")
    DATA_STEWARD = "data_steward", _("数据管理员")
    GRID_WORKER = "grid_worker", _("网格员")
    HANDLER = "handler", _("处置人员")
    INTAKE_CLERK = "intake_clerk", _("受理员")
    DISPATCHER = "dispatcher", _("派遣员")
    VERIFIER = "verifier", _("核查员")
    LEADER = "leader", _("领导")
    ADMINISTRATOR = "administrator", _("系统管理员")
    SECURITY_OFFICER = "security_officer", _("安全管理员")
    AUDITOR = "auditor", _("审计管理员")
    INTEGRATOR = "integrator", _("接入单位")
    RESIDENT = "resident", _("市民")


is_area_code = RegexValidator(r"^\d{0,15}$", _("区域编码是至多十五位数字。"))


@tracked
class Organisation(models.Model):
    """A body people act for. Its area says where it is competent; empty: the whole city."""

    class Kind(models.TextChoices):
        CENTRE = "centre", _("运行中心")
        DEPARTMENT = "department", _("部门")
        BRANCH = "branch", _("分局")
        COMPANY = "company", _("企业")

    key = models.SlugField(_("标识"), max_length=64, unique=True)
    name = models.CharField(_("名称"), max_length=100)
    kind = models.CharField(_("类别"), max_length=16, choices=Kind, default=Kind.DEPARTMENT)
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="children", verbose_name=_("上级"))
    area_code = models.CharField(_("区域"), max_length=15, blank=True, default="", validators=[is_area_code])

    class Meta:
        ordering = ["key"]
        verbose_name = verbose_name_plural = _("部门")

    def __str__(self) -> str:
        return self.name


class AccountManager(UserManager["Account"]):
    """Makes accounts. There is no superuser: the strongest account is one with the administrator's role."""

    def create_user(self, username: str, email: str | None = None, password: str | None = None, **fields: Any) -> Account:
        account = self.model(username=self.model.normalize_username(username), email=self.normalize_email(email), **fields)
        account.set_password(password)
        account.save(using=self._db)
        return account

    def create_superuser(self, username: str, email: str | None = None, password: str | None = None, **fields: Any) -> Account:
        account = self.create_user(username, email, password, **fields)
        for role in (Role.ADMINISTRATOR, Role.DUTY_OFFICER, Role.DATA_STEWARD):
            Assignment.objects.create(account=account, role=role)
        return account


class Account(AbstractUser):
    """A person or a machine that can sign in. All its powers come from assignments, none from flags."""

    username = models.CharField(_("用户名"), max_length=64, unique=True, validators=[UnicodeUsernameValidator()])
    name = models.CharField(_("姓名"), max_length=100, blank=True, default="")
    email = models.EmailField(_("邮箱"), blank=True, default="")
    organisation = models.ForeignKey(
        Organisation, models.PROTECT, null=True, blank=True, related_name="accounts", verbose_name=_("部门")
    )
    password_changed_at = models.DateTimeField(_("口令修改时间"), null=True, blank=True, editable=False)

    first_name = None  # type: ignore[assignment]  # a Chinese name is one field
    last_name = None  # type: ignore[assignment]
    is_superuser = False  # a flag that overrides the policy would be a second policy
    groups = None  # type: ignore[assignment]
    user_permissions = None  # type: ignore[assignment]

    objects = AccountManager()  # type: ignore[misc]

    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = []

    class Meta:
        ordering = ["username"]
        verbose_name = verbose_name_plural = _("账号")
        # Signing in does not heed case, so two names that differ in it alone would be one.
        constraints = [
            models.UniqueConstraint(
                Upper("username"), name="access_account_name", violation_error_message=_("已有只是大小写不同的用户名。")
            )
        ]

    def __str__(self) -> str:
        return self.name or self.username

    @property
    def is_staff(self) -> bool:  # type: ignore[override]
        """Whether the administration's pages open at all; each of them then asks the policy."""
        from chengyun.access.actors import actor_of_account  # actors.py reads these models
        from chengyun.access.policy import may

        return may(actor_of_account(self), "administration.enter")

    def get_full_name(self) -> str:
        return str(self)

    def get_short_name(self) -> str:
        return str(self)

    def has_perm(self, perm: str, obj: object = None) -> bool:  # noqa: ARG002  # Django's signature
        return False

    def has_perms(self, perm_list: Any, obj: object = None) -> bool:  # noqa: ARG002
        return False

    def has_module_perms(self, app_label: str) -> bool:  # noqa: ARG002
        return self.is_staff


class FormerPassword(models.Model):
    """A hash of a password an account has had, so that it is not chosen again."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="former_passwords")
    hash = models.CharField(max_length=200)
    since = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-id"]


@tracked
class Assignment(models.Model):
    """An account's role in an organisation, for an area, for a time."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="assignments", verbose_name=_("账号"))
    role = models.CharField(_("岗位"), max_length=32, choices=Role)
    organisation = models.ForeignKey(
        Organisation, models.PROTECT, null=True, blank=True, related_name="assignments", verbose_name=_("部门")
    )
    area_code = models.CharField(_("区域"), max_length=15, blank=True, default="", validators=[is_area_code])
    since = models.DateTimeField(_("起"), db_default=Now())
    until = models.DateTimeField(_("止"), null=True, blank=True)

    class Meta:
        ordering = ["account", "role", "area_code", "id"]
        verbose_name = verbose_name_plural = _("任命")

    def __str__(self) -> str:
        return f"{self.account} · {self.get_role_display()}"


class Token(models.Model):
    """A machine's key. Only its SHA-256 is kept; the key itself is shown once, when it is made."""

    prefix = models.CharField(_("开头"), max_length=16, db_index=True)
    digest = models.CharField(_("摘要"), max_length=64, unique=True)
    name = models.CharField(_("用途"), max_length=100)
    scopes = ArrayField(models.CharField(max_length=100), verbose_name=_("范围"))
    account = models.ForeignKey(Account, models.CASCADE, null=True, blank=True, related_name="tokens", verbose_name=_("账号"))
    organisation = models.ForeignKey(
        Organisation, models.PROTECT, null=True, blank=True, related_name="tokens", verbose_name=_("部门")
    )
    created_at = models.DateTimeField(_("建立"), auto_now_add=True)
    expires_at = models.DateTimeField(_("到期"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("撤销"), null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name = verbose_name_plural = _("密钥")

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


@tracked
class Grant(models.Model):
    """What an organisation or a role may read beyond the policy, for a purpose, until a day.

    fields: those shown unmasked; empty: none beyond what the declaration shows.
    shown: when given, the only fields there are, each `clear`, `pseudonym` or `masked`; needs a purpose.
    area_code: rows inside this area; empty: the whole city.
    rows_since, rows_until: rows of this period, its end excluded; rows: field → values, all of which must fit.
    frequency: reads a day; None: no ceiling. request: number of the request it answers, or empty.
    terms: what the declaration said of the dataset and the fields shown; a grant on what has changed since stands still.
    """

    number = models.CharField(_("编号"), max_length=16, blank=True, default="", editable=False)
    dataset = models.CharField(_("信息资源"), max_length=128, db_index=True)
    organisation = models.ForeignKey(
        Organisation, models.CASCADE, null=True, blank=True, related_name="grants", verbose_name=_("部门")
    )
    role = models.CharField(_("岗位"), max_length=32, choices=Role, blank=True, default="")
    fields = ArrayField(models.CharField(max_length=63), default=list, blank=True, verbose_name=_("明文字段"))
    shown = models.JSONField(_("字段"), default=dict, blank=True)
    area_code = models.CharField(_("区域"), max_length=15, blank=True, default="", validators=[is_area_code])
    rows_since = models.DateTimeField(_("数据起"), null=True, blank=True)
    rows_until = models.DateTimeField(_("数据止"), null=True, blank=True)
    rows = models.JSONField(_("行条件"), default=dict, blank=True)
    purpose = models.CharField(_("用途"), max_length=32, blank=True, default="")
    basis = models.CharField(_("依据"), max_length=300, blank=True, default="")
    frequency = models.PositiveIntegerField(_("每日次数"), null=True, blank=True)
    retention_days = models.PositiveIntegerField(_("留存天数"), null=True, blank=True)
    request = models.CharField(_("申请"), max_length=16, blank=True, default="", db_index=True)
    terms = models.JSONField(_("授权时的声明"), default=dict, blank=True, editable=False)
    since = models.DateTimeField(_("起"), db_default=Now())
    until = models.DateTimeField(_("止"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("撤销"), null=True, blank=True, editable=False)
    revoke_reason = models.CharField(_("撤销原因"), max_length=300, blank=True, default="", editable=False)
    granted_by = models.ForeignKey(Account, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("授权人"))

    class Meta:
        ordering = ["dataset", "id"]
        verbose_name = verbose_name_plural = _("授权")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(organisation__isnull=False) | ~models.Q(role=""),
                name="access_grant_names_somebody",
                violation_error_message=_("授权须指明部门或岗位。"),
            ),
            # Only readers that state a purpose also leave fields out row by row, and count.
            models.CheckConstraint(
                condition=models.Q(shown={}, frequency=None) | ~models.Q(purpose=""),
                name="access_grant_for_a_purpose",
                violation_error_message=_("指明字段或次数的授权须写明用途。"),
            ),
            models.UniqueConstraint(fields=["number"], name="access_grant_number", condition=~models.Q(number="")),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.dataset} → {self.organisation or self.get_role_display()}"

    def save(self, *args: Any, **rest: Any) -> None:
        if not self.number:
            self.number = _next_number()
        super().save(*args, **rest)


class GrantUse(models.Model):
    """What was read under a grant on a local day. The ceiling is checked where this is counted."""

    grant = models.ForeignKey(Grant, models.CASCADE, related_name="uses")
    day = models.DateField()
    reads = models.PositiveIntegerField(default=0)
    rows = models.PositiveBigIntegerField(default=0)
    last_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["grant", "day"]
        constraints = [models.UniqueConstraint(fields=["grant", "day"], name="access_grantuse_day")]

    def __str__(self) -> str:
        return f"{self.grant_id} {self.day}"


NEXT_NUMBER = """
SELECT 'G' || to_char(now(), 'YYYY') || lpad(next::text, greatest(4, length(next::text)), '0') FROM (
    SELECT coalesce(max(substring(number FROM 6)::int), 0) + 1 AS next
    FROM access_grant WHERE number ~ ('^G' || to_char(now(), 'YYYY') || '[0-9]+$')
) AS known
"""


def _next_number() -> str:
    """Return the year's next number, `G20260001`; it is kept for this transaction until that ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('access_grant.number', 0))")
        cursor.execute(NEXT_NUMBER)
        (number,) = cursor.fetchone()
    return str(number)


class FirstSignIn(models.Model):
    """A link that lets one person in once, to choose a password. Only its SHA-256 is kept."""

    digest = models.CharField(max_length=64, unique=True)
    account = models.ForeignKey(Account, models.CASCADE, null=True, blank=True, related_name="first_sign_ins")
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)


class AuditRecord(models.Model):
    """One thing that was done or read. Append-only: the database refuses everything else.

    The table is made by audit_0001.sql and not managed here, so that flushing a test database leaves it alone: it cannot
    be truncated. The actor is written out, not referred to: a record outlives the account it speaks of.
    """

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(_("时间"), db_default=Now())
    account_id = models.BigIntegerField(_("账号"), null=True)
    actor = models.CharField(_("人员"), max_length=100)
    organisation = models.CharField(_("部门"), max_length=64, default="")
    action = models.CharField(_("行为"), max_length=64)
    dataset = models.CharField(_("信息资源"), max_length=128, default="")
    target = models.CharField(_("对象"), max_length=200, default="")
    purpose = models.CharField(_("用途"), max_length=32, default="")
    detail = models.JSONField(_("详情"), default=dict, encoder=DjangoJSONEncoder)

    class Meta:
        managed = False
        db_table = "access_auditrecord"
        ordering = ["-id"]
        verbose_name = verbose_name_plural = _("审计记录")

    def __str__(self) -> str:
        return f"{self.id} {self.action}"


class AuditLink(models.Model):
    """A record's place in the chain: made by the database when the record's transaction commits."""

    number = models.BigIntegerField(primary_key=True)
    record_id = models.BigIntegerField(unique=True)
    hash = models.BinaryField(max_length=32)

    class Meta:
        managed = False
        db_table = "access_auditlink"
        ordering = ["number"]
