"""OGC API Features, Parts 1 to 3: what a collection's features are and which are asked for."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import anyio
from pydantic_core import from_json, to_json
from starlette.responses import Response

from gis_registry import clock
from gis_registry.api.ogc import exports, shown
from gis_registry.api.ogc.asking import Asking, Link, refuse_unknown
from gis_registry.api.ogc.operations import (
    BBOX,
    GEOJSON,
    HTML,
    JSON,
    SCHEMA,
    TOKEN,
    Operation,
    Parameter,
)
from gis_registry.api.preconditions import is_known
from gis_registry.errors import BadRequest
from gis_registry.maps import filters, pages, queryables, questions
from gis_registry.maps.collections import GEOMETRY, Collection
from gis_registry.maps.crs import STORED, OfferedCrs
from gis_registry.maps.exporting import Wanted
from gis_registry.maps.features import Condition
from gis_registry.maps.filters import FilterLanguage
from gis_registry.maps.pages import Page
from gis_registry.maps.queryables import Role, Title

#: How many features a page has unless asked otherwise, and at most.
DEFAULT_LIMIT, MAX_LIMIT = 10, 10_000
#: How many a page for people shows at most: making it must not keep others waiting.
MOST_SHOWN = 250

#: So many characters of links may be in a header.
_LONGEST_LINKS = 3_000

_URI = {"type": "string", "format": "uri"}
_CRS = Parameter("crs", "The system of coordinates to tell positions in, by its URI", _URI)
LIMIT = Parameter(
    "limit",
    "How many features a page has at most; of a greater number the most are given, and a page "
    "ends earlier where its features would be more than about 8 MiB together. The formats "
    "of files have no pages: without it all features, with it so many",
    {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
)
ASKED = (
    BBOX,
    Parameter("bbox-crs", "The system of the box; without it longitude and latitude", _URI),
    Parameter(
        "datetime",
        "Only features whose time has something in common with an instant or an interval "
        "(RFC 3339; `..` leaves an end open)",
    ),
    Parameter("filter", "Only features for which a filter in CQL2 is true"),
    Parameter(
        "filter-lang",
        "What the filter is written in",
        {"type": "string", "enum": [str(one) for one in FilterLanguage], "default": "cql2-text"},
    ),
    Parameter("filter-crs", "The system of the filter's coordinates", _URI),
)
_PAGING = (
    TOKEN,
    Parameter(
        "count",
        "Whether to say how many features there are in all: exactly up to 10,000, estimated above",
        {"type": "string", "enum": ["auto", "none"], "default": "auto"},
    ),
)

#: How features may be written.
FORMATS = (GEOJSON, HTML, *exports.FORMATS)

_FEATURES = "http://www.opengis.net/spec/ogcapi-features-{}/1.0/conf/{}"
CONFORMANCE_CLASSES = (
    *(_FEATURES.format(1, name) for name in ("core", "geojson", "html", "oas30")),
    _FEATURES.format(2, "crs"),
    *(
        _FEATURES.format(3, name)
        for name in ("queryables", "queryables-query-parameters", "filter", "features-filter")
    ),
    *filters.CONFORMANCE_CLASSES,
)


#: What part the properties play that `datetime` asks for, by how many there are.
_TIME_ROLES = (
    (),
    (Role.PRIMARY_INSTANT,),
    (Role.PRIMARY_INTERVAL_START, Role.PRIMARY_INTERVAL_END),
)


async def items(asking: Asking) -> Response:
    """Answer with a page of features, or with all of them in the format of a file."""
    collection = await asking.published.find(asking.path("collection"), actor=asking.actor)
    asked = Question(asking, collection, await asking.systems("crs", "bbox-crs", "filter-crs"))
    if asking.format in exports.FORMATS:
        conditions = await asked.conditions()
        return exports.export(
            asking, Wanted(collection, conditions, asked.crs, asking.limit, asked.after)
        )
    crs = asked.crs if asking.format != HTML else STORED  # what the page's map is drawn in
    found = await pages.page(
        asking.reading,
        collection,
        await asked.conditions(),
        crs=crs,
        limit=asked.limit,
        after=asked.after,
        is_counted=asked.is_counted,
    )
    links = asked.links(found)
    headers = {"content-crs": f"<{crs.uri}>", "link": _as_header(links)}
    about = _about(found, links)
    if asking.format == HTML:
        features = [from_json(one) for one in found.features]
        body = {"type": "FeatureCollection", **about, "features": features}
        city = await asking.published.city()
        return asking.document(
            body,
            "ogc_items.html",
            headers=headers,
            collection=collection,
            city=city,
            box=shown.box_of(collection, city),
            limit=asked.limit,
            first=asked.first,
            **shown.of_page(collection, features, asking.parameters, asked.known),
        )
    parts = ['{"type":"FeatureCollection","features":[', ",".join(found.features), "],"]
    parts.append(to_json(about).decode()[1:])
    return asking.text("".join(parts), headers=headers)


async def item(asking: Asking) -> Response:
    """Answer with one feature."""
    collection = await asking.published.find(asking.path("collection"), actor=asking.actor)
    crs = (await asking.systems("crs"))["crs"] if asking.format != HTML else STORED
    feature, version = await pages.single(
        asking.reading, collection, asking.path("feature"), crs=crs
    )
    place = f"/collections/{collection.name}"
    links = [
        *asking.own_links(),
        asking.link(place, "collection", JSON, collection.title),
    ]
    if asking.format == HTML:
        body = from_json(feature) | {"links": links}
        city = await asking.published.city()
        box = shown.box_of(collection, city)
        return asking.document(body, "ogc_item.html", collection=collection, city=city, box=box)
    etag = f'"{version}"'
    headers = {"content-crs": f"<{crs.uri}>", "etag": etag, "cache-control": "no-cache"}
    if is_known(etag, asking.request.headers.get("if-none-match")):
        return Response(status_code=304, headers={**headers, "vary": "Accept"})
    return asking.text(f'{feature[:-1]},"links":{to_json(links).decode()}}}', headers=headers)


async def queryables_of(asking: Asking) -> Response:
    """Answer with what a filter may name."""
    collection = await asking.published.find(asking.path("collection"), actor=asking.actor)
    return asking.document(
        properties_of(asking, collection, "queryables"),
        "ogc_queryables.html",
        collection=collection,
        examples=shown.examples(collection, await asking.published.city()),
    )


def properties_of(asking: Asking, collection: Collection, place: str) -> dict[str, Any]:
    """Return the JSON Schema of a collection's properties and geometry, found at a place of it."""
    roles = dict(zip(collection.temporal, _TIME_ROLES[len(collection.temporal)], strict=True))
    identifier = collection.id_sql
    titles = {
        one.name: Title(
            one.title,
            choices=one.choices,
            role=Role.IDENTIFIER if one.sql == identifier else roles.get(one.name),
        )
        for one in collection.properties
    }
    return queryables.document(
        collection.queryables,
        titles={**titles, GEOMETRY: Title("位置 geometry", role=Role.PRIMARY_GEOMETRY)},
        address=asking.url(f"/collections/{collection.name}/{place}"),
        title=collection.title,
        description=collection.description,
    )


class Question:
    """What the parameters of a request ask of a collection's features."""

    def __init__(
        self, asking: Asking, collection: Collection, systems: Mapping[str, OfferedCrs]
    ) -> None:
        """Read them.

        Raises:
            BadRequest: one is none of ours, or has a value that it cannot have.
        """
        self.asking, self.collection, self.systems = asking, collection, systems
        names = {one.name for one in collection.properties}
        self.known = known = {"f", "lang", *(one.name for one in asking.operation.parameters)}
        refuse_unknown(asking.parameters, known | names)
        self.properties = {
            name: said
            for name, said in asking.parameters.items()
            if name in names and name not in known
        }
        self.crs = systems["crs"]
        most = MOST_SHOWN if asking.format == HTML else MAX_LIMIT
        self.limit = min(asking.limit or DEFAULT_LIMIT, most)
        self.is_counted = _one_of(asking.parameters, "count", ("auto", "none")) == "auto"
        self.after = asking.after

    @property
    def first(self) -> str | None:
        """The address of the first page, on any other."""
        said = {name: one for name, one in self.asking.parameters.items() if name != "token"}
        place = f"/collections/{self.collection.name}/items"
        return self.asking.url(place, said) if self.after else None

    async def conditions(self) -> list[Condition]:
        """Return which features are asked for.

        Filters are read beside other answers, and few of a client at once: long ones take a while.
        """
        said = self.asking.parameters
        languages = tuple(str(one) for one in FilterLanguage)
        read = partial(
            questions.conditions,
            self.collection,
            box=said.get("bbox"),
            box_crs=self.systems["bbox-crs"],
            when=said.get("datetime"),
            properties=self.properties,
            condition=said.get("filter"),
            language=FilterLanguage(_one_of(said, "filter-lang", languages)),
            filter_crs=self.systems["filter-crs"],
        )
        if "filter" not in said:
            return read()
        async with self.asking.reading.share():
            return await anyio.to_thread.run_sync(read)

    def links(self, found: Page) -> list[Link]:
        """Return the links of a page: itself, the other formats, the next one, its collection."""
        place = f"/collections/{self.collection.name}"
        links = self.asking.own_links()
        if found.last is not None:
            links.append(self.asking.following(f"{place}/items", found.last))
        links.append(self.asking.link(place, "collection", JSON, self.collection.title))
        return links


def _about(found: Page, links: Iterable[Link]) -> dict[str, Any]:
    about: dict[str, Any] = {"numberReturned": len(found.features)}
    if found.matched is not None:
        about["numberMatched"] = found.matched.count
        if found.matched.is_estimated:
            about["isNumberMatchedEstimated"] = True
    now = clock.now().isoformat(timespec="seconds").replace("+00:00", "Z")
    return {**about, "timeStamp": now, "links": list(links)}


def _as_header(links: Iterable[Link]) -> str:
    """Return links as a header, without titles, which it cannot hold in Chinese.

    What is too long for it is in the body alone: programs on the way refuse long headers.
    """
    told: list[str] = []
    for one in sorted(links, key=lambda link: link["rel"] != "next"):
        told.append(f'<{one["href"]}>; rel="{one["rel"]}"; type="{one["type"]}"')
        if len(", ".join(told)) > _LONGEST_LINKS:
            told.pop()
    return ", ".join(told)


def _one_of(parameters: Mapping[str, str], name: str, among: tuple[str, ...]) -> str:
    said = parameters.get(name, among[0])
    if said not in among:
        raise BadRequest(f"`{name}` must be one of {', '.join(among)}; {said[:100]!r} is none.")
    return said


OPERATIONS = (
    Operation(
        "/collections/{collection}/items",
        "getFeatures",
        "Get features of a collection, page by page or as a file",
        items,
        tag="Data",
        parameters=(LIMIT, *ASKED, _CRS, *_PAGING),
        formats=FORMATS,
        takes_properties=True,
    ),
    Operation(
        "/collections/{collection}/items/{feature}",
        "getFeature",
        "Get one feature",
        item,
        tag="Data",
        parameters=(_CRS,),
        formats=(GEOJSON, HTML),
    ),
    Operation(
        "/collections/{collection}/queryables",
        "getQueryables",
        "List the properties that filters may name",
        queryables_of,
        formats=(SCHEMA, HTML),
    ),
)
