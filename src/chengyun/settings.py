# SPDX-License-Identifier: Apache-2.0
"""Django's settings, derived from chengyun.config and the packs that run. Nothing here is edited to configure a city."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from chengyun.city import load_city
from chengyun.config import config

_config = config()
_address = _config.dsn()  # before anything is written: without a database there is no installation here
CITY = load_city(_config.packs)
BASE = Path(__file__).parent

SECRET_KEY = _config.secret
DEBUG = False
ALLOWED_HOSTS = list(_config.allowed_hosts)
CSRF_TRUSTED_ORIGINS = [f"https://{name}" for name in _config.allowed_hosts] if _config.https else []
ROOT_URLCONF = "chengyun.web.urls"
WSGI_APPLICATION = "chengyun.web.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "access.Account"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "chengyun.access.apps.AdministrationConfig",
    "django.contrib.postgres",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "django_htmx",
    "pgtrigger",
    "pghistory",
    "procrastinate.contrib.django",
    "chengyun.run",
    "chengyun.areas",
    "chengyun.access",
    "chengyun.lake",
    "chengyun.collect",
    "chengyun.collect.things",
    "chengyun.collect.pull",
    "chengyun.collect.forms",
    "chengyun.collect.quality",
    "chengyun.collect.queue",
    "chengyun.operate",
    "chengyun.operate.indices",
    "chengyun.operate.alerting",
    "chengyun.operate.probation",
    "chengyun.operate.boards",
    "chengyun.operate.detectors",
    "chengyun.operate.forecasts",
    "chengyun.cases",
    "chengyun.cases.duties",
    "chengyun.cases.intake",
    "chengyun.cases.field",
    "chengyun.cases.crews",
    "chengyun.cases.components",
    "chengyun.cases.verification",
    "chengyun.cases.category",
    "chengyun.cases.duplicates",
    "chengyun.cases.evaluation",
    "chengyun.cases.statistics",
    "chengyun.simulate",
    "chengyun.govern",
    "chengyun.govern.whatif",
    "chengyun.govern.decisions",
    "chengyun.share.requests",
    "chengyun.share.registers",
    "chengyun.share.ledger",
    "chengyun.share.exchange",
    "chengyun.share.federation",
    "chengyun.share.catalogue",
    "chengyun.share.lookups",
    "chengyun.share.lineage",
    "chengyun.share.askonce",
    "chengyun.protocols.sensorthings",
    "chengyun.protocols.ngsild",
    "chengyun.protocols.open311",
    "chengyun.web",
    "chengyun.web.boards",
    *(pack.module for pack in CITY.packs.values() if (pack.folder / "models.py").exists()),
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "chengyun.web.middleware.security",
    "chengyun.web.middleware.readable",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "chengyun.access.middleware.bodies",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "chengyun.web.middleware.choices",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "chengyun.access.middleware.idle",
    "chengyun.access.middleware.private",
    "django_htmx.middleware.HtmxMiddleware",
    "chengyun.web.problems.problems",
    "chengyun.access.middleware.doors",
]


def _database(url: str) -> dict[str, object]:
    parts = urlsplit(url)
    host = parse_qs(parts.query).get("host", [parts.hostname or ""])[0]
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")) or "chengyun",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 300,
        "CONN_HEALTH_CHECKS": True,
        "TEST": {"NAME": "test_chengyun"},
    }


DATABASES = {"default": _database(_address)}

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        # Before the apps' own: sign-in and administration wear the look of every other page.
        "DIRS": [str(BASE / "web" / "templates")],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "chengyun.web.shell.shell",
            ],
        },
    }
]

# allauth's alone: Django's beside it would take a second look at the same password.
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
_VALIDATION = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"{_VALIDATION}.MinimumLengthValidator", "OPTIONS": {"min_length": 8}},
    {"NAME": "chengyun.access.passwords.ThreeClasses"},
    {"NAME": "chengyun.access.passwords.NotUsedBefore"},
    {"NAME": f"{_VALIDATION}.CommonPasswordValidator"},
    {"NAME": f"{_VALIDATION}.UserAttributeSimilarityValidator", "OPTIONS": {"user_attributes": ("username", "name", "email")}},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "chengyun.access.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_NOTIFICATIONS = False
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_USER_DISPLAY = str
# What all processes that serve pages must count together (attempts to sign in, one-time codes already used): a few rows.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "web_cache", "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}  # fmt: skip
# Per address only: failures of one account are counted in the audit log (access/lockout.py), which outlives a restart.
ACCOUNT_RATE_LIMITS = {"login_failed": "30/m/ip"}
# Behind a proxy the sender's address is the one the proxy adds; without it everybody would share the proxy's.
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if _config.https else 0
MFA_FORMS = {"authenticate": "chengyun.access.adapter.SecondStep"}
MFA_ADAPTER = "chengyun.access.adapter.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "chengyun"

# A session ends with the browser, when idle or after twelve hours (access/policy.toml, sessions), whichever is first.
SESSION_COOKIE_AGE = 12 * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _config.https
CSRF_COOKIE_SAMESITE = "Lax"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _config.https else None
SECURE_HSTS_SECONDS = 31_536_000 if _config.https else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000
"""A resource's form has eight inputs for each of at most 2,000 items; Django's 1,000 would end at 120 of them."""

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "中文"), ("en", "English")]
LOCALE_PATHS = [str(BASE / "locale"), *(str(p.folder / "locale") for p in CITY.packs.values() if (p.folder / "locale").exists())]
USE_I18N = True
USE_TZ = True
TIME_ZONE = _config.time_zone

STATIC_URL = "/static/"
STATIC_ROOT = str(_config.data / "static")
WHITENOISE_USE_FINDERS = True
WHITENOISE_IMMUTABLE_FILE_TEST = r"/dist/.+-[0-9A-Z]{8}\.[a-z]+$"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

# One line a warning, with the trace of an error, to stderr: the supervisor keeps it in the process's log.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {"django": {"handlers": [], "level": "WARNING"}, "chengyun": {"level": "INFO"}},
}
