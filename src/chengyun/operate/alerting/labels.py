# SPDX-License-Identifier: Apache-2.0
"""What an alert is routed, grouped, inhibited and silenced by: a few words about it, each a text."""

from __future__ import annotations

from chengyun.city import AlertRule
from chengyun.operate.models import Alert

__all__ = ["LABELS", "labels_of"]

LABELS = (
    "rule", "pack", "dataset", "severity", "subject", "group", "hazard", "simulated", "area", "community", "street", "district",
    "city",
)  # fmt: skip
DIGITS = {"area": 12, "community": 12, "street": 9, "district": 6, "city": 4}
"""How much of an area's code names the area of a level; shorter codes name no area of it (GB/T 2260, GB/T 10114)."""


def labels_of(alert: Alert, rule: AlertRule | None) -> dict[str, str]:
    """Return an alert's labels. group: as its rule groups it, or the alert by itself. hazard: of the rule as it is now."""
    code = alert.area_code
    areas = {name: code[:digits] if name == "area" or len(code) >= digits else "" for name, digits in DIGITS.items()}
    return {
        "rule": alert.rule, "pack": alert.rule.split(".")[0], "dataset": alert.dataset, "severity": alert.severity,
        "subject": alert.subject, "group": alert.group_key or f"{alert.rule}#{alert.subject}",
        "hazard": rule.hazard if rule else "Other", "simulated": "yes" if alert.simulated else "no", **areas,
    }  # fmt: skip
