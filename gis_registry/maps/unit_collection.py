"""The areas of units as a collection: where which unit is responsible for what."""

from gis_registry.maps.collections import Collection, KeyColumn, Property, number_id
from gis_registry.maps.queryables import PropertyType
from gis_registry.units.tables import UnitKind, UnitRole

_STRING, _DATE = PropertyType.STRING, PropertyType.DATE


def unit_areas() -> Collection:
    """Return the areas that units are responsible for, a feature for each responsibility."""
    return Collection(
        name="unit-areas",
        title_zh="单位责任区",
        title_en="Areas of units",
        description="The divisions that a unit is responsible in, with its role and for which class"
        " or matter; without either, for everything. A feature for each responsibility.",
        source="responsibilities r JOIN units u ON u.id = r.unit_id"
        " JOIN divisions d ON d.code = r.division_code"
        " JOIN division_areas a ON a.division_code = d.code"
        " AND a.valid_from <= current_date AND (a.valid_to IS NULL OR a.valid_to > current_date)"
        " LEFT JOIN component_classes k ON k.id = r.class_id"
        " LEFT JOIN matter_types m ON m.id = r.matter_type_id",
        key=(KeyColumn("r.id", "bigint"),),
        by_id=number_id("r.id"),
        version="r.id || '-' || a.id || '-' || coalesce(r.valid_to::text, '')",
        properties=(
            Property("id", PropertyType.INTEGER, "r.id", "编号", "number"),
            Property("unit_code", _STRING, "u.code", "单位代码", "unit"),
            Property("unit_name_zh", _STRING, "u.name_zh", "单位名称", "unit's name, in Chinese"),
            Property("unit_name_en", _STRING, "u.name_en", "单位英文名称", "unit's name"),
            Property(
                "unit_kind", _STRING, "u.kind", "单位类型", "kind of unit", choices=tuple(UnitKind)
            ),
            Property("role", _STRING, "r.role", "责任类型", "role", choices=tuple(UnitRole)),
            Property("class_code", _STRING, "k.code", "部件小类代码", "class code"),
            Property("matter_code", _STRING, "m.code", "事项代码", "matter type's code"),
            Property("component_code", _STRING, "r.component_code", "部件标识码", "component"),
            Property("division_code", _STRING, "d.code", "区划代码", "division's code"),
            Property("division_name_zh", _STRING, "d.name_zh", "区划名称", "division's name"),
            Property("valid_from", _DATE, "r.valid_from", "生效日期", "valid from"),
            Property(
                "valid_to",
                _DATE,
                # Intervals include both ends; a responsibility ends before its last date begins.
                "(r.valid_to - 1)",
                "失效日期",
                "last day; empty: it still holds",
            ),
        ),
        geometry="a.geom",
        geometry_type="MultiPolygon",
        temporal=("valid_from", "valid_to"),
    )
