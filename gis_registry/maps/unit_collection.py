"""The areas of units as a collection: where which unit is responsible for what."""

from gis_registry.maps.collections import (
    IS_AREA_TODAY,
    Collection,
    Group,
    KeyColumn,
    Property,
    number_id,
)
from gis_registry.maps.queryables import PropertyType
from gis_registry.units.tables import UnitKind, UnitRole

_STRING, _DATE, _ARRAY = PropertyType.STRING, PropertyType.DATE, PropertyType.ARRAY

# A unit often has the same role in an area for many classes and matters: that is one feature, or
# the same polygon would be told dozens of times. What is for everything stands by itself.
_AREAS = f"""
(SELECT min(r.id) AS id, r.unit_id, r.role, r.division_code, r.valid_from, r.valid_to,
  coalesce(array_agg(DISTINCT k.code) FILTER (WHERE k.code IS NOT NULL), '{{}}') AS class_codes,
  coalesce(array_agg(DISTINCT m.code) FILTER (WHERE m.code IS NOT NULL), '{{}}') AS matter_codes
FROM responsibilities r
LEFT JOIN component_classes k ON k.id = r.class_id
LEFT JOIN matter_types m ON m.id = r.matter_type_id
WHERE r.division_code IS NOT NULL AND r.component_code IS NULL
GROUP BY r.unit_id, r.role, r.division_code, r.valid_from, r.valid_to,
  r.class_id IS NULL AND r.matter_type_id IS NULL) r
JOIN units u ON u.id = r.unit_id
JOIN divisions d ON d.code = r.division_code
JOIN division_areas a ON a.division_code = d.code
  AND {IS_AREA_TODAY}
"""  # noqa: S608  our own words


def unit_areas() -> Collection:
    """Return the areas that units are responsible for, a feature for each role in each."""
    return Collection(
        name="unit-areas",
        title_zh="单位责任区",
        title_en="Areas of units",
        description="单位按职责所管的区划，及其小类与事项。"
        " The divisions that a unit has a role in, with the classes and matters that it "
        "has it for; without either, for everything.",
        source=_AREAS,
        group=Group.PLACES,
        key=(KeyColumn("r.id", "bigint"),),
        by_id=number_id("r.id"),
        version="md5(r::text || u::text || d::text) || a.id",
        properties=(
            Property("id", PropertyType.INTEGER, "r.id", "编号", "number"),
            Property("unit_code", _STRING, "u.code", "单位代码", "unit"),
            Property("unit_name_zh", _STRING, "u.name_zh", "单位名称", "unit's name, in Chinese"),
            Property("unit_name_en", _STRING, "u.name_en", "单位英文名称", "unit's name"),
            Property(
                "unit_kind", _STRING, "u.kind", "单位类型", "kind of unit", choices=tuple(UnitKind)
            ),
            Property("role", _STRING, "r.role", "责任类型", "role", choices=tuple(UnitRole)),
            Property("class_codes", _ARRAY, "r.class_codes", "部件小类代码", "class codes"),
            Property("matter_codes", _ARRAY, "r.matter_codes", "事项代码", "matter types' codes"),
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
