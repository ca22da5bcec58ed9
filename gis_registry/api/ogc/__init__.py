"""OGC API below ``/ogc``: each module lists the operations that it answers."""

from gis_registry.api.ogc import documents, editing, items, schemas, tiles
from gis_registry.api.ogc.operations import Operation

OPERATIONS: tuple[Operation, ...] = (
    *documents.OPERATIONS,
    *items.OPERATIONS,
    *tiles.OPERATIONS,
    *editing.OPERATIONS,
    *schemas.OPERATIONS,
)
CONFORMANCE_CLASSES: tuple[str, ...] = (
    *documents.CONFORMANCE_CLASSES,
    *items.CONFORMANCE_CLASSES,
    *tiles.CONFORMANCE_CLASSES,
    *editing.CONFORMANCE_CLASSES,
    *schemas.CONFORMANCE_CLASSES,
)
