# SPDX-License-Identifier: Apache-2.0
"""The controlled vocabularies DCAT-AP asks for, and what our codes mean in them.

Source: Publications Office of the EU, authority tables data-theme, frequency, access-right, file-type, language; ADMS publisher
types. Each term is written out with its type and label, so that a reader without the tables knows what it is.
"""

from __future__ import annotations

from collections.abc import Mapping

AUTHORITY = "http://publications.europa.eu/resource/authority/"
THEME_SCHEME = f"{AUTHORITY}data-theme"
LOCAL_AUTHORITY = "http://purl.org/adms/publishertype/LocalAuthority"
RESTRICTED = "http://purl.org/adms/licencetype/OtherRestrictiveClauses"

FREQUENCIES: Mapping[str, str] = {
    "realtime": "UPDATE_CONT", "day": "DAILY", "week": "WEEKLY", "month": "MONTHLY", "quarter": "QUARTERLY",
    "half_year": "ANNUAL_2", "year": "ANNUAL", "irregular": "IRREG",
}  # fmt: skip
ACCESS: Mapping[str, str] = {"open": "PUBLIC", "unconditional": "RESTRICTED", "conditional": "RESTRICTED", "none": "NON_PUBLIC"}
THEMES: Mapping[str, tuple[str, str]] = {
    "101": ("SOCI", "Population and society"), "102": ("ECON", "Economy and finance"), "103": ("ENVI", "Environment"),
    "104": ("ECON", "Economy and finance"), "105": ("JUST", "Justice, legal system and public safety"),
    "106": ("GOVE", "Government and public sector"), "201": ("GOVE", "Government and public sector"),
    "202": ("HEAL", "Health"), "203": ("SOCI", "Population and society"), "204": ("HEAL", "Health"),
    "205": ("JUST", "Justice, legal system and public safety"), "206": ("ECON", "Economy and finance"), "207": ("ENER", "Energy"),
    "208": ("JUST", "Justice, legal system and public safety"), "209": ("REGI", "Regions and cities"),
    "210": ("SOCI", "Population and society"), "211": ("ENVI", "Environment"),
    "212": ("JUST", "Justice, legal system and public safety"),
}  # fmt: skip
"""项 of the guide → data theme; a department's own resources are about government."""
OTHERWISE = ("GOVE", "Government and public sector")
MEDIA: Mapping[str, tuple[str, str]] = {
    "xlsx": ("XLSX", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "xls": ("XLS", "application/vnd.ms-excel"), "csv": ("CSV", "text/csv"), "pdf": ("PDF", "application/pdf"),
    "xml": ("XML", "application/xml"), "html": ("HTML", "text/html"), "docx": ("DOCX", "application/msword"),
    "json": ("JSON", "application/json"), "geojson": ("GEOJSON", "application/geo+json"), "zip": ("ZIP", "application/zip"),
    "shp": ("SHP", "application/zip"), "rdf": ("RDF_XML", "application/rdf+xml"), "txt": ("TXT", "text/plain"),
}  # fmt: skip
"""Format as a catalogue says it → file type of the authority table, media type."""
