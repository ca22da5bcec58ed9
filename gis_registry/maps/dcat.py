"""The catalogue as DCAT 3 in JSON-LD, which open-data portals harvest."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from gis_registry.layers.periods import FREQUENCIES
from gis_registry.maps.collection_search import CatalogueEntry

_CONTEXT = {
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "geosparql": "http://www.opengis.net/ont/geosparql#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
_CONFORMS = "http://www.opengis.net/def/interface/ogcapi-features"
_FREQUENCY = "http://publications.europa.eu/resource/authority/frequency/"
_MEDIA_TYPE = "https://www.iana.org/assignments/media-types/"

Node = dict[str, object]


def document(entries: Sequence[CatalogueEntry], *, base: str, city_zh: str, city_en: str) -> Node:
    """Return a catalogue.

    Args:
        entries: what is in it.
        base: the address of the OGC API, such as ``https://map.example.org/ogc``.
        city_zh: whose catalogue it is, in Chinese.
        city_en: the same in English.
    """
    base = base.rstrip("/")
    service = f"{base}/"
    publisher: Node = {"@type": "foaf:Agent", "foaf:name": _in_both(city_zh, city_en)}
    return {
        "@context": _CONTEXT,
        "@id": f"{base}/collections",
        "@type": "dcat:Catalog",
        "dct:title": _in_both(f"{city_zh}空间数据目录", f"Spatial data of {city_en}"),
        "dct:publisher": publisher,
        "dct:language": ["zh", "en"],
        "dcat:service": {
            "@id": service,
            "@type": "dcat:DataService",
            "dct:title": "OGC API",
            "dct:conformsTo": {"@id": _CONFORMS},
            "dcat:endpointURL": {"@id": service},
        },
        "dcat:dataset": [_dataset(one, base, publisher) for one in entries],
    }


def _dataset(entry: CatalogueEntry, base: str, publisher: Node) -> Node:
    one = entry.collection
    address = f"{base}/collections/{one.name}"
    found: Node = {
        "@id": address,
        "@type": "dcat:Dataset",
        "dct:identifier": one.name,
        "dct:title": _in_both(one.title_zh, one.title_en),
        "dct:description": one.description,
        "dct:publisher": {"@type": "foaf:Agent", "foaf:name": entry.department}
        if entry.department
        else publisher,
        "dcat:landingPage": {"@id": address},
        "dcat:distribution": [
            _distribution(address, "GeoJSON", "application/geo+json", f"{address}/items?f=json"),
            _distribution(address, "CSV", "text/csv", f"{address}/items?f=csv"),
        ],
    }
    if entry.keywords:
        found["dcat:keyword"] = list(entry.keywords)
    if entry.field:
        found["dcat:theme"] = {"@type": "skos:Concept", "skos:prefLabel": entry.field}
    if entry.licence:
        found["dct:license"] = _named_or_addressed(entry.licence)
    if entry.source:
        found["dct:source"] = _named_or_addressed(entry.source)
    if entry.updated_at:
        found["dct:modified"] = _typed(entry.updated_at.isoformat(), "xsd:dateTime")
    if entry.refresh in FREQUENCIES:
        found["dct:accrualPeriodicity"] = {"@id": _FREQUENCY + FREQUENCIES[entry.refresh]}
    if entry.box:
        found["dct:spatial"] = _place(entry.box)
    if entry.first_at and entry.last_at:
        found["dct:temporal"] = {
            "@type": "dct:PeriodOfTime",
            "dcat:startDate": _typed(*_moment(entry.first_at)),
            "dcat:endDate": _typed(*_moment(entry.last_at)),
        }
    return found


def _distribution(address: str, title: str, media_type: str, link: str) -> Node:
    return {
        "@type": "dcat:Distribution",
        "dct:title": title,
        "dcat:mediaType": {"@id": _MEDIA_TYPE + media_type},
        "dcat:accessURL": {"@id": link},
        "dcat:accessService": {"@id": address.rsplit("/collections/", 1)[0] + "/"},
    }


def _in_both(zh: str, en: str) -> list[Node]:
    return [{"@language": "zh", "@value": zh}, {"@language": "en", "@value": en}]


def _named_or_addressed(said: str) -> Node | str:
    is_address = urlsplit(said).scheme in {"http", "https"} and " " not in said
    return {"@id": said} if is_address else said


def _typed(value: str, kind: str) -> Node:
    return {"@type": kind, "@value": value}


def _moment(said: str) -> tuple[str, str]:
    """Return a day or a time as PostgreSQL writes it, in the form of XML Schema, with its type."""
    day, _, time = said.partition(" ")
    if not time:
        return day, "xsd:date"
    clock = time if ":" in time[-3:] else f"{time}:00"
    return f"{day}T{clock}", "xsd:dateTime"


def _place(box: tuple[float, float, float, float]) -> Node:
    west, south, east, north = box
    ring = f"{west} {south}, {east} {south}, {east} {north}, {west} {north}, {west} {south}"
    return {
        "@type": "dct:Location",
        "dcat:bbox": _typed(f"POLYGON(({ring}))", "geosparql:wktLiteral"),
    }
