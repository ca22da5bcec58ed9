"""Time limits: which one holds for what, under which condition and on which day, and why."""

import time
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import delete
from sqlalchemy.orm import Session

from gis_registry.catalogue import queries as catalogue
from gis_registry.catalogue import service
from gis_registry.catalogue.tables import (
    ClassCounterpart,
    LimitStage,
    LimitUnit,
    MatterKind,
    MatterTypeClass,
)
from gis_registry.catalogue.time_limit_loading import NewVersion, load_limits
from gis_registry.catalogue.time_limits import (
    STAGE_NAMES,
    UNIT_NAMES,
    AskedLimit,
    FoundLimit,
    conditions_of,
    find_limits,
)
from gis_registry.errors import InvalidInput
from gis_registry.places.service import code_editions

GBT13, GBT26 = "gbt30428-2013", "gbt47678-2026"
TODAY, WINTER = date(2026, 7, 1), date(2026, 1, 15)
COVER, BENCH, TREE = "0101", "0407", "0402"


def class_id(session: Session, code: str, edition: str = GBT13) -> int:
    return service.find_class(session, code, edition_key=edition).id


def matter_id(session: Session, code: str) -> int:
    return service.find_matter(
        session, code, matter_edition_key=GBT26, class_edition_key=GBT13
    ).type.id


def ask(
    session: Session,
    code: str,
    condition: str | None = None,
    *,
    stage: str = LimitStage.HANDLING,
    on_date: date = TODAY,
) -> FoundLimit | None:
    """Ask for a class (four digits) or a matter of a place (five)."""
    asked = (
        AskedLimit(stage, None, class_id(session, code), condition, on_date)
        if len(code) == 4
        else AskedLimit(stage, matter_id(session, code), None, condition, on_date)
    )
    (found,) = find_limits(session, [asked])
    return found


def load(session: Session, tmp_path: Path, *lines: str, valid_from: date = TODAY) -> int:
    columns = (
        "stage,kind,major_code,class_codes,matter_codes,condition,condition_zh,condition_en,"
        "season_from,season_to,amount,unit,closing_zh,closing_en"
    )
    path = tmp_path / "limits.csv"
    path.write_text("\n".join([columns, *lines]) + "\n", encoding="utf-8")
    return load_limits(
        session,
        path,
        NewVersion("试用", "测试 test", valid_from),
        editions=code_editions(session),
        actor="test",
    ).number


@pytest.mark.parametrize(
    ("code", "condition", "on_date", "amount", "unit", "basis"),
    [
        (COVER, "missing", TODAY, 2, "urgent_hour", "class"),
        (COVER, "rattling", TODAY, 2, "working_day", "class"),
        (COVER, None, TODAY, 3, "working_day", "class"),
        ("0137", "unlit", TODAY, 1, "working_day", "class"),
        ("0104", "blocked", TODAY, 6, "working_hour", "class"),
        ("0104", "blocked", WINTER, 2, "working_day", "class"),
        (TREE, "dead", WINTER, 20, "working_day", "class"),
        (TREE, "dead", TODAY, 180, "calendar_day", "class"),
        ("10001", None, WINTER, 8, "urgent_hour", "matter_type"),
        ("10001", "main_road", WINTER, 4, "urgent_hour", "matter_type"),
        ("10001", None, TODAY, 1, "working_day", "matter_type"),
        ("06001", None, TODAY, 10, "working_day", "matter_type"),
        ("09021", None, TODAY, 4, "working_hour", "major"),
    ],
)
def test_the_sample_has_a_limit_for_each_condition_and_season(
    session: Session,
    code: str,
    condition: str | None,
    on_date: date,
    amount: float,
    unit: str,
    basis: str,
) -> None:
    found = ask(session, code, condition, on_date=on_date)
    assert found is not None
    assert (found.amount, found.unit, found.basis) == (amount, unit, basis)
    assert "样例" in found.sentence_zh
    assert "sample" in found.sentence_en


def test_every_class_and_matter_of_the_city_has_a_limit_for_every_stage(session: Session) -> None:
    classes = catalogue.classes(session, in_profile=True)
    matters = catalogue.matter_types(session, edition_key=GBT26, kind=MatterKind.PLACE)
    asked = [
        AskedLimit(stage, None, one.id, None, day)
        for one in classes
        for stage in LimitStage
        for day in (TODAY, WINTER)
    ] + [AskedLimit(stage, one.id, None, None, TODAY) for one in matters for stage in LimitStage]
    found = find_limits(session, asked)
    assert None not in found
    assert len(classes) == 115
    of_classes = [
        one.basis
        for one in found[: len(classes) * 12]
        if one is not None and one.stage == LimitStage.HANDLING
    ]
    assert set(of_classes) == {"class"}


def test_a_more_specific_scope_comes_first(session: Session, tmp_path: Path) -> None:
    everything = "handling,,,,,,,,,,9,working_day,,"
    kind = "handling,component,,,,,,,,,8,working_day,,"
    major = "handling,component,01,,,,,,,,7,working_day,,"
    one_class = "handling,,,0101,,,,,,,6,working_day,,"
    place = "handling,place,,,,,,,,,5,working_day,,"
    place_major = "handling,place,06,,,,,,,,4,working_day,,"
    matter = "handling,,,,06010,,,,,,3,working_day,,"
    load(session, tmp_path, everything, kind, major, one_class, place, place_major, matter)
    found = [
        (one.amount, one.basis)
        for code in ("0101", "0102", "0201", "06010", "06011", "07001")
        if (one := ask(session, code)) is not None
    ]
    assert found == [
        (6, "class"),
        (7, "major"),
        (8, "kind"),
        (3, "matter_type"),
        (4, "major"),
        (5, "kind"),
    ]
    asked = AskedLimit("handling", None, None, None, TODAY)
    (nothing_known,) = find_limits(session, [asked])
    assert nothing_known is not None
    assert (nothing_known.amount, nothing_known.basis) == (9, "everything")


def test_scope_then_condition_then_season(session: Session, tmp_path: Path) -> None:
    load(
        session,
        tmp_path,
        "handling,component,,,,lost,丢失,lost,,,1,working_hour,,",
        "handling,,,0101,,,,,,,2,working_hour,,",
        "handling,,,0102,,,,,07-01,07-31,3,working_hour,,",
        "handling,,,0102,,,,,,,4,working_hour,,",
        "handling,,,0102,,bad,坏,bad,,,5,working_hour,,",
    )
    assert [
        one.amount
        for code, condition in [("0101", "lost"), ("0102", None), ("0102", "bad"), ("0103", "lost")]
        if (one := ask(session, code, condition)) is not None
    ] == [2, 3, 5, 1]
    august = ask(session, "0102", on_date=date(2026, 8, 1))
    assert august is not None
    assert (august.amount, august.season) == (4, None)


@pytest.mark.parametrize(
    ("day", "is_in_season"),
    [
        *[(day, True) for day in ("11-15", "12-31", "01-01", "02-28", "03-31")],
        *[(day, False) for day in ("11-14", "04-01", "07-01")],
    ],
)
def test_a_season_goes_past_the_end_of_the_year(
    session: Session, day: str, *, is_in_season: bool
) -> None:
    found = ask(session, "10001", on_date=date.fromisoformat(f"2026-{day}"))
    assert found is not None
    assert (found.season == "11-15–03-31") is is_in_season


def test_the_sentence_says_why(session: Session) -> None:
    missing = ask(session, COVER, "missing")
    assert missing is not None
    title = "处置时限样例 sample time limits of Qingdao"
    assert missing.sentence_zh == (
        f"处置限2紧急工作时：小类0101上水井盖“缺失或移位”；时限表第{missing.version}版《{title}》。"
    )
    assert missing.sentence_en == (
        "Handling within 2 urgent hours: class 0101 water supply manhole cover, missing or "
        f"displaced; version {missing.version} of the time limits, “{title}”."
    )
    snow = ask(session, "10001", on_date=WINTER)
    assert snow is not None
    assert "当季11-15–03-31" in snow.sentence_zh
    filing = ask(session, COVER, "rattling", stage="filing")
    assert filing is not None
    assert (filing.amount, filing.unit, filing.basis) == (0.5, "working_hour", "everything")
    assert "“rattling”无专门时限" in filing.sentence_zh


def test_other_stages_refer_to_the_condition_too(session: Session) -> None:
    found = ask(session, COVER, "missing", stage="dispatch")
    assert found is not None
    assert (found.amount, found.unit) == (0.5, "urgent_hour")


def test_what_a_dispatcher_can_choose_has_the_default_marked(session: Session) -> None:
    found = conditions_of(session, None, class_id(session, COVER), TODAY)
    assert [one.code for one in found] == [None, "missing", "broken", "rattling", "sunken"]
    assert [one.is_default for one in found] == [True] + [False] * 4
    assert (found[1].name_zh, found[1].name_en) == ("缺失或移位", "missing or displaced")
    amounts = [one.handling.amount for one in found if one.handling is not None]
    assert amounts == [3, 2, 1, 2, 6]
    of_bench = conditions_of(session, None, class_id(session, BENCH), TODAY)
    assert [one.code for one in of_bench] == [None, "unsafe", "dirty"]
    assert [
        one.code for one in conditions_of(session, matter_id(session, "10001"), None, TODAY)
    ] == [None]


def test_an_unknown_condition_is_refused_naming_those_that_there_are(session: Session) -> None:
    with pytest.raises(InvalidInput) as told:
        ask(session, COVER, "melted")
    assert str(told.value) == (
        "There is no condition 'melted' for class 0101 water supply manhole cover; there are "
        "missing (缺失或移位, missing or displaced), broken (破损, broken), "
        "rattling (松动作响, loose and rattling), sunken (周边沉陷, surround sunken)."
    )
    with pytest.raises(InvalidInput, match=r"for class 0309 .*; there are none\."):
        ask(session, "0309", "missing")
    with pytest.raises(InvalidInput, match="There is no stage 'resting'; there are checking"):
        ask(session, COVER, stage="resting")


def test_a_case_keeps_a_condition_that_a_newer_version_no_longer_names(
    session: Session, tmp_path: Path
) -> None:
    number = load(session, tmp_path, "handling,,,,,,,,,,9,working_day,,")
    found = ask(session, COVER, "missing")
    assert found is not None
    assert (found.version, found.amount, found.condition_code) == (number, 9, None)
    with pytest.raises(InvalidInput, match=r"'melted' for class 0101 .* there are none"):
        ask(session, COVER, "melted")


def test_the_matter_of_a_class_and_other_editions_resolve_to_its_limit(session: Session) -> None:
    by_class = ask(session, COVER, "missing")
    assert by_class is not None
    same = find_limits(
        session,
        [
            AskedLimit("handling", matter_id(session, COVER), None, "missing", TODAY),
            AskedLimit("handling", None, class_id(session, "01001", GBT26), "missing", TODAY),
            AskedLimit("handling", matter_id(session, "01001"), None, "missing", TODAY),
        ],
    )
    assert [one.id for one in same if one is not None] == [by_class.id] * 3
    assert all(one is not None and "小类0101" in one.sentence_zh for one in same)


def test_a_class_without_counterparts_has_the_limit_of_its_kind(session: Session) -> None:
    cover = class_id(session, "01001", GBT26)
    session.execute(delete(ClassCounterpart).where(ClassCounterpart.class_id == cover))
    session.execute(delete(MatterTypeClass).where(MatterTypeClass.class_id == cover))
    (found,) = find_limits(session, [AskedLimit("handling", None, cover, None, TODAY)])
    assert found is not None
    assert (found.basis, found.amount) == ("kind", 5)


def test_before_the_first_version_there_is_no_limit(session: Session) -> None:
    assert ask(session, COVER, "missing", on_date=date(2019, 12, 31)) is None
    only = conditions_of(session, None, class_id(session, COVER), date(2019, 12, 31))
    assert [(one.code, one.is_default, one.handling) for one in only] == [(None, True, None)]


def test_a_version_that_is_rolled_back_is_forgotten(session: Session, tmp_path: Path) -> None:
    savepoint = session.begin_nested()
    load(session, tmp_path, "handling,,,,,,,,,,7,working_day,,")
    first = ask(session, BENCH)
    savepoint.rollback()
    load(session, tmp_path, "handling,,,,,,,,,,8,working_day,,")
    second = ask(session, BENCH)
    assert first is not None
    assert second is not None
    assert (first.amount, second.amount) == (7, 8)


def test_every_stage_and_unit_has_a_name() -> None:
    assert set(STAGE_NAMES) == set(LimitStage)
    assert set(UNIT_NAMES) == set(LimitUnit)


def test_to_find_eight_limits_takes_about_a_millisecond(session: Session) -> None:
    codes = ("0101", "0137", "0402", "0305", "0214", "0104", "0407", "0309")
    asked = [AskedLimit("handling", None, class_id(session, code), None, TODAY) for code in codes]
    took = []
    for _ in range(60):
        begun = time.perf_counter()
        find_limits(session, asked)
        took.append(time.perf_counter() - begun)
    assert min(took) < 0.005  # on a machine that does nothing else it is below 0.001
