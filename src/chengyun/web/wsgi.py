# SPDX-License-Identifier: Apache-2.0
"""What granian serves: the pages."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chengyun.settings")
application = get_wsgi_application()
