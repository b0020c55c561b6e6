# SPDX-License-Identifier: Apache-2.0
"""Timetables made for a test."""

from __future__ import annotations

import io
import zipfile

STOP_TIMES = "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n"
CALENDAR = "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n"


def timetable(**files: str) -> io.BytesIO:
    """A timetable of one trip over midnight on two days, with files changed."""
    parts = {
        "agency": "agency_id,agency_timezone\n1,Asia/Shanghai\n",
        "stops": "stop_id,stop_name,stop_lat,stop_lon\na,鼓楼,29.87,121.55\nb,火车站,29.86,121.53\n",
        "routes": "route_id,route_short_name,route_type\n1,1路,3\n",
        "trips": "route_id,service_id,trip_id\n1,w,t\n",
        "stop_times": STOP_TIMES + "t,23:50:00,23:50:00,a,1\nt,24:20:00,24:20:00,b,2\n",
        "calendar": CALENDAR + "w,1,0,0,0,0,0,0,20260302,20260308\n",
        "calendar_dates": "service_id,date,exception_type\nw,20260304,1\n",
        **files,
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in parts.items():
            archive.writestr(f"{name}.txt", text)
    buffer.seek(0)
    return buffer
