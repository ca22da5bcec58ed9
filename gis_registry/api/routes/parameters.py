"""Parameters that several routes take."""

from typing import Annotated

from fastapi import Path, Query

LARGEST = 2**63 - 1

Number = Annotated[int, Path(ge=1, le=LARGEST, description="Its number")]
Before = Annotated[
    int | None,
    Query(ge=1, le=LARGEST, description="Only those before this number: `next_before` of a page"),
]
Limit = Annotated[int, Query(ge=1, le=1000, description="How many at most")]
Lon = Annotated[float, Query(description="Longitude in degrees, EPSG:4490", examples=[120.3826])]
Lat = Annotated[float, Query(description="Latitude in degrees, EPSG:4490", examples=[36.0671])]
