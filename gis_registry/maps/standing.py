"""The collections that every registry has, besides those of its classes and its layers."""

from gis_registry.maps.case_collection import open_cases
from gis_registry.maps.collections import Collection, components, divisions, grid_cells
from gis_registry.maps.history_collection import components_history
from gis_registry.maps.unit_collection import unit_areas
from gis_registry.maps.violation_collection import violations


def always() -> tuple[Collection, ...]:
    """Return them, in the order to list them."""
    return (
        components(),
        components_history(),
        divisions(),
        grid_cells(),
        unit_areas(),
        open_cases(),
        violations(),
    )
