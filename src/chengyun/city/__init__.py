# SPDX-License-Identifier: Apache-2.0
"""The vocabulary packs are written in. A pack imports from here and from chengyun.standards, nothing else.

Django models of registers inherit chengyun.city.models.Register, kept apart so that declarations load without Django.
"""

from chengyun.city.alerts import Above, AlertRule, Below, Budget, Change, Silent, Together, Unusual, Within
from chengyun.city.casework import CaseType, Span, State, Transition
from chengyun.city.columns import Columns, Distinct, Number
from chengyun.city.elements import DataElement
from chengyun.city.fields import Code, Quantity, Ref, Text
from chengyun.city.forecasts import Forecast
from chengyun.city.index import AHP, PCA, Dimension, Distance, Entropy, Expert, Index, MinMax, Part, Percentile, ZScore
from chengyun.city.limits import Entry, Limits
from chengyun.city.packs import City, Pack, load_city, qualify, sql_name
from chengyun.city.pages import (
    Band,
    Calendar,
    Chart,
    Citations,
    Listing,
    MapLayer,
    Page,
    Plot,
    Related,
    Scale,
    Table,
    Tiles,
)  # fmt: skip
from chengyun.city.registers import Authority, RegisterFeed, Stated, Synthetic, read_day, read_statements
from chengyun.city.scheme import Category, Limit, Scheme
from chengyun.city.words import (
    Distrust,
    Entity,
    Feed,
    Indicator,
    Observation,
    QualityRule,
    Registered,
    Row,
    Rule,
    SimulatedArea,
    Simulation,
    Stream,
    Topic,
)  # fmt: skip
from chengyun.city.world import Defect, Firm, Home, House, Inhabitant, Instrument, Mishap, Sensors, Sky, Telling
from chengyun.errors import Malformed

__all__ = [
    "AHP", "PCA", "Above", "AlertRule", "Authority", "Band", "Below", "Budget", "Calendar", "CaseType", "Category", "Change",
    "Chart", "Citations", "City", "Code", "Columns", "DataElement", "Defect", "Dimension", "Distance", "Distinct", "Distrust",
    "Entity", "Entropy", "Entry", "Expert", "Feed", "Firm", "Forecast", "Home", "House", "Index", "Indicator", "Inhabitant",
    "Instrument", "Limit", "Limits", "Listing", "Malformed", "MapLayer", "MinMax", "Mishap", "Number", "Observation",
    "Pack", "Page", "Part", "Percentile", "Plot", "QualityRule", "Quantity", "Ref", "RegisterFeed", "Registered", "Related",
    "Row", "Rule", "Scale", "Scheme", "Sensors", "Silent", "SimulatedArea", "Simulation", "Sky", "Span", "State", "Stated",
    "Stream", "Synthetic", "Table", "Telling", "Text", "Tiles", "Together", "Topic", "Transition", "Unusual", "Within", "ZScore",
    "load_city", "qualify", "read_day", "read_statements", "sql_name",
]  # fmt: skip
