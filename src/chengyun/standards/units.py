# SPDX-License-Identifier: Apache-2.0
"""Units that declarations may use: symbol → UCUM code, Chinese and English name.

Source: UCUM 2.2 case-sensitive codes; GB 3100-1993 for the Chinese names.
"""

from __future__ import annotations

from typing import NamedTuple


class Unit(NamedTuple):
    """A unit's machine code and names.

    sign_en: how it is written behind a figure in English; None: as declared. "": what is counted stands in the figure's name.
    """

    ucum: str
    name: str
    name_en: str
    sign_en: str | None = None


UNITS: dict[str, Unit] = {
    "1": Unit("1", "无量纲", "dimensionless"),
    "%": Unit("%", "百分比", "percent"),
    "µg/m³": Unit("ug/m3", "微克每立方米", "micrograms per cubic metre"),
    "mg/m³": Unit("mg/m3", "毫克每立方米", "milligrams per cubic metre"),
    "mg/L": Unit("mg/L", "毫克每升", "milligrams per litre"),
    "℃": Unit("Cel", "摄氏度", "degrees Celsius"),
    "hPa": Unit("hPa", "百帕", "hectopascals"),
    "m/s": Unit("m/s", "米每秒", "metres per second"),
    "°": Unit("deg", "度", "degrees"),
    "mm": Unit("mm", "毫米", "millimetres"),
    "m": Unit("m", "米", "metres"),
    "km": Unit("km", "千米", "kilometres"),
    "km/h": Unit("km/h", "千米每小时", "kilometres per hour"),
    "km²": Unit("km2", "平方千米", "square kilometres"),
    "m³/s": Unit("m3/s", "立方米每秒", "cubic metres per second"),
    "L/s": Unit("L/s", "升每秒", "litres per second"),
    "dB": Unit("dB", "分贝", "decibels"),
    "V": Unit("V", "伏", "volts"),
    "A": Unit("A", "安", "amperes"),
    "kW": Unit("kW", "千瓦", "kilowatts"),
    "kWh": Unit("kW.h", "千瓦时", "kilowatt hours"),
    "s": Unit("s", "秒", "seconds"),
    "min": Unit("min", "分钟", "minutes"),
    "h": Unit("h", "小时", "hours"),
    "d": Unit("d", "天", "days"),
    "个": Unit("{count}", "个", "items", ""),
    "人": Unit("{person}", "人", "people", "people"),
    "辆": Unit("{vehicle}", "辆", "vehicles", "vehicles"),
}
