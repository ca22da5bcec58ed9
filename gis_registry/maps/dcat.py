"""The catalogue as DCAT 3 in JSON-LD, which portals of open data harvest."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from gis_registry.layers.periods import FREQUENCIES
from gis_registry.maps.collections import About, Collection

_CONTEXT = {
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "geosparql": "http://www.opengis.net/ont/geosparql#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
_CONFORMS = "http://www.opengis.net/def/interface/ogcapi-features"
_MEDIA_TYPE = "https://www.iana.org/assignments/media-types/"
_FREQUENCY = "http://publications.europa.eu/resource/authority/frequency/"
_LANGUAGE = "http://publications.europa.eu/resource/authority/language/"
_CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"

_ADDRESS = re.compile(r"https?://[^\s<>\"{}|\\^`]+")

Node = dict[str, object]


@dataclass(frozen=True)
class Access:
    """A way to a collection's features.

    Attributes:
        title: what people call it.
        media_type: how they are written.
        address: where they are.
    """

    title: str
    media_type: str
    address: str


def document(
    datasets: Iterable[Node], *, base: str, name_zh: str, name_en: str
) -> dict[str, object]:
    """Return a catalogue.

    Args:
        datasets: what is in it, as :func:`dataset` tells of each.
        base: the address of the OGC API, such as ``https://map.example.org/ogc``.
        name_zh: whose catalogue it is, in Chinese.
        name_en: the same in English.
    """
    return {
        "@context": _CONTEXT,
        "@id": f"{base}/collections",
        "@type": "dcat:Catalog",
        "dct:title": _in_both(f"{name_zh}空间数据目录", f"Spatial data of {name_en}"),
        "dct:publisher": {"@type": "foaf:Agent", "foaf:name": _in_both(name_zh, name_en)},
        "dct:description": _in_both(
            f"{name_zh}部件及各部门公开的空间数据。",
            f"The components of {name_en}, and what spatial data its departments publish.",
        ),
        "dct:language": [{"@id": _LANGUAGE + one} for one in ("ZHO", "ENG")],
        "dcat:service": {
            "@id": base,
            "@type": "dcat:DataService",
            "dct:title": "OGC API",
            "dct:conformsTo": {"@id": _CONFORMS},
            "dcat:endpointURL": {"@id": base},
            "dcat:endpointDescription": {"@id": f"{base}/api"},
        },
        "dcat:dataset": list(datasets),
    }


def dataset(
    collection: Collection, ways: Sequence[Access], *, base: str, city_box: tuple[float, ...]
) -> Node:
    """Return what is told of one collection.

    Args:
        collection: which.
        ways: to its features.
        base: the address of the OGC API.
        city_box: where it is if it does not say it.
    """
    about = collection.about or About()
    address = f"{base}/collections/{collection.name}"
    found: Node = {
        "@id": address,
        "@type": "dcat:Dataset",
        "dct:identifier": collection.name,
        "dct:title": _in_both(collection.title_zh, collection.title_en),
        "dct:description": collection.description,
        "dcat:landingPage": {"@id": address},
        "dct:spatial": _place(about.box or city_box),
        "dcat:distribution": [_distribution(one, base) for one in ways],
    }
    if about.keywords:
        found["dcat:keyword"] = list(about.keywords)
    if about.field:
        found["dcat:theme"] = {"@type": "skos:Concept", "skos:prefLabel": about.field}
    if about.department:
        found["dct:publisher"] = {"@type": "foaf:Agent", "foaf:name": about.department}
    if about.licence:
        found["dct:license"] = _named_or_addressed(about.licence, "dct:LicenseDocument")
    if about.source:
        found["dct:source"] = _named_or_addressed(about.source, "dcat:Resource")
    if about.lineage:
        found["dct:provenance"] = {
            "@type": "dct:ProvenanceStatement",
            "skos:prefLabel": about.lineage,
        }
    if about.refresh in FREQUENCIES:
        found["dct:accrualPeriodicity"] = {"@id": _FREQUENCY + FREQUENCIES[about.refresh]}
    if about.updated_at:
        found["dct:modified"] = _moment(about.updated_at)
    if any(about.interval):
        ends = zip(("dcat:startDate", "dcat:endDate"), about.interval, strict=True)
        period = {name: _moment(one) for name, one in ends if one is not None}
        found["dct:temporal"] = {"@type": "dct:PeriodOfTime", **period}
    return found


def _distribution(way: Access, base: str) -> Node:
    return {
        "@type": "dcat:Distribution",
        "dct:title": way.title,
        "dcat:mediaType": {"@id": _MEDIA_TYPE + way.media_type.partition(";")[0]},
        "dcat:accessURL": {"@id": way.address},
        "dcat:accessService": {"@id": base},
    }


def _in_both(zh: str, en: str) -> list[Node]:
    return [
        {"@language": language, "@value": said}
        for language, said in (("zh", zh), ("en", en))
        if said
    ]


def _named_or_addressed(said: str, kind: str) -> Node:
    if _ADDRESS.fullmatch(said):
        return {"@id": said, "@type": kind}
    return {"@type": kind, "dct:title": said}


def _moment(moment: datetime) -> Node:
    return {"@type": "xsd:dateTime", "@value": moment.isoformat()}


def _place(box: tuple[float, ...]) -> Node:
    west, south, east, north = box
    ring = f"{west} {south}, {east} {south}, {east} {north}, {west} {north}, {west} {south}"
    shape = {"@type": "geosparql:wktLiteral", "@value": f"<{_CRS84}> POLYGON(({ring}))"}
    return {"@type": "dct:Location", "dcat:bbox": shape}
