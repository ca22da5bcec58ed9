"""The open cases as a collection: where they stand; nothing of who reported them."""

from gis_registry.cases.tables import ENDED, CaseState
from gis_registry.maps.collections import Collection, Group, KeyColumn, Property, number_id
from gis_registry.maps.queryables import PropertyType

_STRING, _MOMENT = PropertyType.STRING, PropertyType.DATETIME


def open_cases() -> Collection:
    """Return the cases that something is left to be done of."""
    return Collection(
        name="open-cases",
        title_zh="未结案件",
        title_en="Open cases",
        description="尚未办结的案件：事项、进展、承办单位与截止时间。"
        " Cases of which something is left to be done: what is wrong, how far they are, whose they "
        "are and when they are due.",
        source="case_progress p"
        " JOIN cases c ON c.division_code = p.division_code AND c.id = p.case_id"
        " LEFT JOIN matter_types m ON m.id = p.matter_type_id"
        " LEFT JOIN component_classes k ON k.id = p.class_id"
        " LEFT JOIN units u ON u.code = p.unit_code",
        key=(KeyColumn("p.case_id", "bigint"),),
        by_id=number_id("p.case_id"),
        version="p.version::text",
        properties=(
            Property("id", PropertyType.INTEGER, "p.case_id", "案件号", "number"),
            Property(
                "state",
                _STRING,
                "p.state",
                "状态",
                "state",
                choices=tuple(one for one in CaseState if one not in ENDED),
            ),
            Property("stage", _STRING, "p.stage", "阶段", "stage that runs"),
            Property("matter_code", _STRING, "m.code", "事项代码", "matter type's code"),
            Property("matter_name_zh", _STRING, "m.name_zh", "事项", "matter type, in Chinese"),
            Property("matter_name_en", _STRING, "m.name_en", "事项英文名", "matter type"),
            Property("class_code", _STRING, "k.code", "部件小类代码", "class code"),
            Property("class_name_zh", _STRING, "k.name_zh", "部件小类", "class, in Chinese"),
            Property("component_code", _STRING, "c.component_code", "部件标识码", "component"),
            Property("unit_code", _STRING, "p.unit_code", "单位代码", "unit that it is with"),
            Property("unit_name_zh", _STRING, "u.name_zh", "单位", "unit's name, in Chinese"),
            Property("division_code", _STRING, "p.division_code", "区划代码", "district code"),
            Property(
                "subdistrict_code", _STRING, "p.subdistrict_code", "街道代码", "subdistrict code"
            ),
            Property("reported_at", _MOMENT, "p.reported_at", "上报时间", "first reported"),
            Property("filed_at", _MOMENT, "p.filed_at", "立案时间", "filed"),
            Property("dispatched_at", _MOMENT, "p.dispatched_at", "派遣时间", "dispatched"),
            Property("due_at", _MOMENT, "p.due_at", "阶段截止时间", "end of the stage's limit"),
            Property("handling_due_at", _MOMENT, "p.handling_due_at", "处置截止时间", "to be done"),
        ),
        geometry="c.geom",
        geometry_type="Point",
        temporal=("reported_at",),
        total="(SELECT count(*) FROM case_progress WHERE is_open)",
        where="p.is_open",
        group=Group.CASES,
    )
