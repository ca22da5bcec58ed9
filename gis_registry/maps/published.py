"""What is published now: the city and the collections by their names, for whoever may read them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from gis_registry.db import reference
from gis_registry.db.reading import Reading
from gis_registry.errors import NotFound
from gis_registry.maps import collections, standing
from gis_registry.maps import crs as systems
from gis_registry.maps.collections import IS_AREA_TODAY, TODAY, Collection
from gis_registry.maps.crs import OfferedCrs
from gis_registry.maps.layer_collections import LayerCollections
from gis_registry.users.service import Actor

#: Outlines begin and end with a day.
_STATE = f"SELECT ({reference.STATE_SQL}), {TODAY}"
_CITY = f"""
SELECT c.name_zh, c.name_en, c.projected_epsg, c.time_zone,
  ST_XMin(extent), ST_YMin(extent), ST_XMax(extent), ST_YMax(extent)
FROM city c,
  LATERAL (SELECT ST_Extent(a.geom) AS extent FROM division_areas a WHERE {IS_AREA_TODAY}) AS areas
"""  # noqa: S608  our own words
#: The borders of districts to some seventy metres, to find one's way on small maps.
_OUTLINES = f"""
SELECT coalesce(ST_AsGeoJSON(ST_Simplify(ST_Collect(a.geom), 0.0007), 4), 'null'),
  coalesce(array_agg(DISTINCT a.source), '{{}}')
FROM divisions d JOIN division_areas a ON a.division_code = d.code
  AND {IS_AREA_TODAY}
WHERE d.level = 'district'
"""  # noqa: S608  our own words
_CLASSES = (
    "SELECT id, code, name_zh, name_en, major_name_zh || ' ' || major_name_en"
    " FROM component_classes WHERE is_in_profile ORDER BY code"
)


@dataclass(frozen=True)
class City:
    """The city, as the map service tells of it.

    Attributes:
        name_zh: its name, in Chinese.
        name_en: its name, in English.
        box: least longitude and latitude, greatest longitude and latitude, of its divisions.
        systems: the systems of coordinates that are offered.
        of_classes: the collection of each class of its profile.
        outlines: the borders of its districts, as a geometry in GeoJSON.
        sources: who drew them.
        time_zone: whose clock it has.
    """

    name_zh: str
    name_en: str
    box: tuple[float, float, float, float]
    systems: tuple[OfferedCrs, ...]
    of_classes: Mapping[str, Collection] = field(repr=False)
    outlines: str = field(repr=False)
    sources: tuple[str, ...]
    time_zone: str


class Published:
    """Finds collections; the city is read again when it changed, and each day."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._state: object = None
        self._city: City | None = None
        self._layers = LayerCollections(reading)
        self._always = {one.name: one for one in standing.always()}

    async def find(self, name: str, *, actor: Actor) -> Collection:
        """Return a collection by its name.

        Raises:
            NotFound: there is none of this name, or it is not for this actor.
        """
        found = self._always.get(name)
        if found is not None and found.is_for(actor):
            return found
        published = await self.all(actor=actor)
        if name in published:
            return published[name]
        close = get_close_matches(name[:100], published, n=3)
        hint = f" Did you mean {' or '.join(close)}?" if close else ""
        raise NotFound(f"There is no collection {name[:100]!r}.{hint}")

    async def all(self, *, actor: Actor) -> dict[str, Collection]:
        """Return every collection that an actor may read, by its name."""
        city = await self.city()
        found = {**await self._layers.all(), **self._always, **city.of_classes}
        return {name: one for name, one in found.items() if one.is_for(actor)}

    async def city(self) -> City:
        """Return the city."""
        (state,) = await self._reading.rows(_STATE, is_plan_kept=True)
        if self._city is None or state != self._state:
            ((name_zh, name_en, srid, time_zone, *box),) = await self._reading.rows(_CITY)
            made = [
                collections.components_of_class(*one) for one in await self._reading.rows(_CLASSES)
            ]
            of_classes = {one.name: one for one in made}
            ((outlines, sources),) = await self._reading.rows(_OUTLINES)
            west, south, east, north = box
            self._city = City(
                name_zh,
                name_en,
                (west, south, east, north),
                systems.offered(srid),
                of_classes,
                outlines,
                tuple(sources),
                time_zone,
            )
            self._state = state
        return self._city
