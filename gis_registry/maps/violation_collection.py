"""Violations as a collection: what drone detections, over images and flights, agree is there."""

from gis_registry.cases.tables import CaseState
from gis_registry.db.base import SRID
from gis_registry.maps.collections import Collection, Group, KeyColumn, Property, number_id
from gis_registry.maps.queryables import PropertyType

_STRING, _MOMENT = PropertyType.STRING, PropertyType.DATETIME

# Detections of one case are of one thing: its position is their mean, weighted by the inverse
# square of each accuracy, and as accurate as such a mean is.
_AGREED = f"""
(SELECT r.case_division_code AS division_code, r.case_id, count(*) AS detections,
  count(DISTINCT d.image) AS images, max(d.confidence) AS confidence,
  min(d.taken_at) AS first_seen_at, max(d.taken_at) AS last_seen_at, max(d.id) AS last_id,
  sqrt(1 / sum(d.accuracy_m ^ -2)) AS accuracy_m,
  ST_SetSRID(ST_MakePoint(sum(ST_X(d.geom) * d.accuracy_m ^ -2) / sum(d.accuracy_m ^ -2),
    sum(ST_Y(d.geom) * d.accuracy_m ^ -2) / sum(d.accuracy_m ^ -2)), {SRID}) AS geom
FROM detections d
JOIN reports r ON r.division_code = d.division_code AND r.id = d.report_id
GROUP BY r.case_division_code, r.case_id) v
JOIN case_progress p ON p.division_code = v.division_code AND p.case_id = v.case_id
LEFT JOIN matter_types m ON m.id = p.matter_type_id
LEFT JOIN units u ON u.code = p.unit_code
"""  # noqa: S608


def violations() -> Collection:
    """Return the cases that drone detections are evidence of, open or ended."""
    return Collection(
        name="violations",
        title_zh="违法线索",
        title_en="Violations",
        description="无人机检出相互印证的线索：每个案件一条，位置按各次检出的精度加权平均。"
        " What drone detections are evidence of, a feature for each case: where it is by the mean "
        "of them, weighted by accuracy, how often and when it was seen, and what became of it.",
        source=_AGREED,
        key=(KeyColumn("v.case_id", "bigint"),),
        by_id=number_id("v.case_id"),
        version="p.version || '-' || v.last_id",
        properties=(
            Property("id", PropertyType.INTEGER, "v.case_id", "案件号", "number of the case"),
            Property("state", _STRING, "p.state", "状态", "state", choices=tuple(CaseState)),
            Property("matter_code", _STRING, "m.code", "事项代码", "matter type's code"),
            Property("matter_name_zh", _STRING, "m.name_zh", "事项", "matter type, in Chinese"),
            Property("matter_name_en", _STRING, "m.name_en", "事项英文名", "matter type"),
            Property("detections", PropertyType.INTEGER, "v.detections", "检出次数", "detections"),
            Property("images", PropertyType.INTEGER, "v.images", "影像数", "images"),
            Property(
                "confidence", PropertyType.NUMBER, "v.confidence", "最高置信度", "best confidence"
            ),
            Property(
                "accuracy_m", PropertyType.NUMBER, "v.accuracy_m", "位置精度(米)", "accuracy, m"
            ),
            Property("first_seen_at", _MOMENT, "v.first_seen_at", "首次发现时间", "first seen"),
            Property("last_seen_at", _MOMENT, "v.last_seen_at", "最近发现时间", "last seen"),
            Property("unit_code", _STRING, "p.unit_code", "单位代码", "unit that it is with"),
            Property("unit_name_zh", _STRING, "u.name_zh", "单位", "unit's name, in Chinese"),
            Property("division_code", _STRING, "v.division_code", "区划代码", "district code"),
            Property(
                "subdistrict_code", _STRING, "p.subdistrict_code", "街道代码", "subdistrict code"
            ),
        ),
        geometry="v.geom",
        geometry_type="Point",
        temporal=("first_seen_at", "last_seen_at"),
        group=Group.CASES,
    )
