"""Versions of the time limits: what is refused, what differs, which holds, taking one back."""

from datetime import date
from pathlib import Path

import pytest
from project import SAMPLES
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gis_registry.catalogue import service
from gis_registry.catalogue.tables import TimeLimit
from gis_registry.catalogue.time_limit_loading import (
    CheckedLimits,
    LimitVersionEntry,
    NewVersion,
    check_limits,
    list_versions,
    load_limits,
    withdraw,
)
from gis_registry.catalogue.time_limits import AskedLimit, FoundLimit, find_limits
from gis_registry.city_loading import load_city, load_time_limits
from gis_registry.errors import Conflict, InvalidInput, NotFound, UnreadableFile
from gis_registry.places.service import code_editions
from gis_registry.profile import find_profile

COLUMNS = (
    "stage,kind,major_code,class_codes,matter_codes,condition,condition_zh,condition_en,"
    "season_from,season_to,amount,unit,closing_zh,closing_en"
)
NEW_YEAR, SPRING, SUMMER = date(2027, 1, 1), date(2027, 4, 1), date(2027, 7, 1)
SAMPLE = SAMPLES / "qingdao" / "time_limits.csv"


def write(folder: Path, *lines: str) -> Path:
    path = folder / "limits.csv"
    path.write_text("\n".join([COLUMNS, *lines]) + "\n", encoding="utf-8")
    return path


def load(session: Session, path: Path, valid_from: date) -> LimitVersionEntry:
    new = NewVersion("市里的时限", "测试 test", valid_from)
    return load_limits(session, path, new, editions=code_editions(session), actor="test")


def days(session: Session, tmp_path: Path, amount: int, valid_from: date) -> int:
    """Load a version in which everything is handled in so many working days."""
    path = write(tmp_path, f"handling,,,,,,,,,,{amount},working_day,,")
    return load(session, path, valid_from).number


def check(session: Session, path: Path, valid_from: date = NEW_YEAR) -> CheckedLimits:
    return check_limits(session, path, valid_from=valid_from, editions=code_editions(session))


def bench_on(session: Session, on_date: date) -> FoundLimit:
    bench = service.find_class(session, "0407", edition_key="gbt30428-2013").id
    (found,) = find_limits(session, [AskedLimit("handling", None, bench, None, on_date)])
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("resting,,,,,,,,,,1,working_day,,", "stage is 'resting'; there are checking, filing"),
        ("handling,,,,,,,,,,1,week,,", "unit is 'week'; there are urgent_hour"),
        ("handling,,,,,,,,,,,working_day,,", "amount is '', not a number"),
        ("handling,,,,,,,,,,0,working_day,,", "amount is '0'; it must be over 0"),
        ("handling,,,,,,,,,,-1,working_day,,", "amount is '-1'; it must be over 0"),
        ("handling,,,,,,,,,,nan,working_day,,", "amount is 'nan'; it must be over 0"),
        ("handling,,,,,,,,,,1e9,working_day,,", "amount is '1e9'; it must be over 0"),
        ("handling,tree,,,,,,,,,1,working_day,,", "kind is 'tree'; there are component, place"),
        ("handling,,01,,,,,,,,1,working_day,,", "a major_code needs its kind"),
        (
            "handling,place,01,,,,,,,,1,working_day,,",
            "no major_code '01' of kind place in gbt47678",
        ),
        ("handling,,,9999,,,,,,,1,working_day,,", "there is no class '9999' in gbt30428-2013"),
        ("handling,,,0101 0101,,,,,,,1,working_day,,", "it names 0101 twice"),
        ("handling,,,,0101,,,,,,1,working_day,,", "name its class|class, in class_codes"),
        (
            "handling,place,,0101,,,,,,,1,working_day,,",
            "more than one of class_codes, matter_codes",
        ),
        ("handling,,,,,lost,,,,,1,working_day,,", "a condition needs its code and its names"),
        ("handling,,,,,lost,丢失,,,,1,working_day,,", "condition_zh and condition_en go together"),
        ("handling,,,,,丢失,丢失,lost,,,1,working_day,,", "the condition '丢失' is no code"),
        (
            "handling,,,,,,,,02-30,03-01,1,working_day,,",
            "season_from is '02-30', not a day such as",
        ),
        ("handling,,,,,,,,02-01,,1,working_day,,", "season_to is '', not a day such as"),
        ("handling,,,,,,,,2-1,03-01,1,working_day,,", "season_from is '2-1', not a day"),
        ("handling,,,,,,,,,,1,working_day,修好,", "closing_zh and closing_en go together"),
    ],
)
def test_a_line_that_cannot_be_used_is_named_with_the_reason(
    session: Session, tmp_path: Path, line: str, reason: str
) -> None:
    path = write(tmp_path, "handling,component,,,,,,,,,5,working_day,,", line)
    checked = check(session, path)
    assert [one.line for one in checked.refused] == [3]
    assert reason.split("|")[-1] in checked.refused[0].reason
    assert checked.limits == 1
    with pytest.raises(InvalidInput) as told:
        load(session, path, NEW_YEAR)
    assert f"line 3: {checked.refused[0].reason}" in str(told.value)
    assert [one.number for one in list_versions(session, on_date=NEW_YEAR)] == [1]


def test_every_line_that_cannot_be_used_is_named(session: Session, tmp_path: Path) -> None:
    path = write(tmp_path, *["resting,,,,,,,,,,1,working_day,,"] * 25)
    assert [one.line for one in check(session, path).refused] == list(range(2, 27))
    with pytest.raises(InvalidInput, match="and 5 more: see --dry-run"):
        load(session, path, NEW_YEAR)


def test_limits_between_which_nothing_decides_are_refused(session: Session, tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "handling,,,0101 0102,,,,,,,5,working_day,,",
        "handling,,,0102,,,,,,,6,working_day,,",
        "handling,,,0101,,,,,11-01,03-31,1,working_day,,",
        "handling,,,0101,,,,,03-31,06-30,2,working_day,,",
        "handling,,,0101,,,,,04-01,06-30,2,working_day,,",
        "filing,,,0101 0102,,,,,,,5,working_day,,",
    )
    checked = check(session, path)
    assert [one.line for one in checked.refused] == [3, 5]
    assert "0102 污水井盖 sewage manhole cover line 2 says the same" in checked.refused[0].reason
    assert "line 4 says the same stage and condition and a season that overlaps" in (
        checked.refused[1].reason
    )


def test_a_condition_has_one_name(session: Session, tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "handling,,,0101,,lost,丢失,lost,,,1,working_day,,",
        "handling,,,0102,,lost,不见了,gone,,,1,working_day,,",
    )
    (refused,) = check(session, path).refused
    assert refused.reason == (
        "the condition lost is called “不见了 / gone” here and “丢失 / lost” in line 2: a "
        "condition has one name."
    )


def test_a_file_that_is_none_is_refused(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "limits.csv"
    with pytest.raises(UnreadableFile, match="cannot be opened"):
        load(session, path, NEW_YEAR)
    path.write_text("stage,kind\nhandling,place\n")
    with pytest.raises(UnreadableFile, match="no column amount, unit"):
        load(session, path, NEW_YEAR)
    for misspelt in ("class_code", " class_codes"):
        path.write_text(f"stage,amount,unit,{misspelt}\nhandling,1,working_day,0101\n")
        with pytest.raises(UnreadableFile, match=f"columns that no limit has: {misspelt}"):
            load(session, path, NEW_YEAR)
    with pytest.raises(InvalidInput, match="holds no limits"):
        load(session, write(tmp_path), NEW_YEAR)
    with pytest.raises(InvalidInput, match="title"):
        load_limits(
            session,
            SAMPLE,
            NewVersion(" ", "x", NEW_YEAR),
            editions=code_editions(session),
            actor="test",
        )


def test_gaps_are_named_by_stage(session: Session, tmp_path: Path) -> None:
    assert check(session, SAMPLE).gaps == []
    path = write(
        tmp_path,
        *[f"{stage},,,,,,,,,,1,working_day,," for stage in ("checking", "filing", "dispatch")],
        "handling,component,,,,,,,,,5,working_day,,",
        "handling,place,,,,,,,,,5,working_day,,",
        "verification,component,,,,,,,,,5,working_day,,",
        "verification,place,,,,,,,04-01,12-31,5,working_day,,",
        "closing,,,,,lost,丢失,lost,,,5,working_day,,",
    )
    gaps = {one.stage: one.codes for one in check(session, path).gaps}
    assert list(gaps) == ["verification", "closing"]
    assert len(gaps["verification"]) == 97
    assert gaps["verification"][0] == "matter 06001"
    assert len(gaps["closing"]) == 115 + 97


def test_what_differs_from_the_version_that_holds_is_shown(
    session: Session, tmp_path: Path
) -> None:
    same = check(session, SAMPLE)
    assert (same.compared_with, same.differences) == (1, [])
    assert check(session, SAMPLE, date(2019, 1, 1)).compared_with is None
    text = SAMPLE.read_text(encoding="utf-8")
    path = tmp_path / "limits.csv"
    path.write_text(
        text.replace("handling,component,,,,,,,,,5,", "handling,component,,,,,,,,,6,").replace(
            "handling,,,0401,,dead", "handling,,,0405,,dead"
        ),
        encoding="utf-8",
    )
    found = {
        (one.change, one.about, one.condition): (one.before, one.after)
        for one in check(session, path).differences
    }
    assert found == {
        ("changed", "every component", None): (
            "5 working days; 修复或更换; repaired or replaced",
            "6 working days; 修复或更换; repaired or replaced",
        ),
        ("removed", "class 0401 古树名木 ancient / notable tree", "dead"): (
            "1 working day; 枯死或缺株; dead or gone; 现场鉴定; examined on site",
            None,
        ),
        ("added", "class 0405 花架花钵 flower stand / planter", "dead"): (
            None,
            "1 working day; 枯死或缺株; dead or gone; 现场鉴定; examined on site",
        ),
    }


def test_a_newer_version_replaces_the_older_one_as_a_whole(
    session: Session, tmp_path: Path
) -> None:
    spring = days(session, tmp_path, 11, SPRING)
    new_year = days(session, tmp_path, 12, NEW_YEAR)
    again = days(session, tmp_path, 13, SPRING)
    days_of = {
        day: (bench_on(session, day).version, bench_on(session, day).amount)
        for day in (date(2026, 12, 31), NEW_YEAR, date(2027, 3, 31), SPRING, SUMMER)
    }
    assert list(days_of.values()) == [
        (1, 5),
        (new_year, 12),
        (new_year, 12),
        (again, 13),
        (again, 13),
    ]
    states = {one.number: one.state for one in list_versions(session, on_date=NEW_YEAR)}
    assert states == {again: "future", spring: "future", new_year: "valid", 1: "superseded"}


def test_a_withdrawn_version_brings_the_one_before_it_back(
    session: Session, tmp_path: Path
) -> None:
    number = days(session, tmp_path, 11, SPRING)
    assert bench_on(session, SPRING).amount == 11
    entry = withdraw(session, number, reason=" 有误 ", actor="admin", on_date=SPRING)
    assert (entry.state, entry.withdrawn_by, entry.withdrawn_reason) == (
        "withdrawn",
        "admin",
        "有误",
    )
    assert entry.withdrawn_at is not None
    assert (bench_on(session, SPRING).version, bench_on(session, SPRING).amount) == (1, 5)
    kept = select(func.count()).select_from(TimeLimit).where(TimeLimit.version == number)
    assert session.scalar(kept) == 1
    with pytest.raises(Conflict, match=f"Version {number} was withdrawn already, by admin: 有误"):
        withdraw(session, number, reason="again", actor="x", on_date=SPRING)
    with pytest.raises(NotFound, match="no version 99 of the time limits"):
        withdraw(session, 99, reason="x", actor="x", on_date=SPRING)
    with pytest.raises(InvalidInput, match="Say why"):
        withdraw(session, 1, reason="  ", actor="x", on_date=SPRING)
    assert days(session, tmp_path, 11, SPRING) > number


def test_the_limits_of_the_city_profile_are_loaded_once(session: Session) -> None:
    profile = find_profile("qingdao")
    (first,) = list_versions(session, on_date=NEW_YEAR)
    assert (first.title, first.valid_from, first.loaded_by, first.state) == (
        "处置时限样例 sample time limits of Qingdao",
        date(2020, 1, 1),
        "city profile",
        "valid",
    )
    assert load_city(session, profile).time_limits == first.limits
    withdraw(session, first.number, reason="试", actor="test", on_date=NEW_YEAR)
    load_time_limits(session, profile)
    assert [one.state for one in list_versions(session, on_date=NEW_YEAR)] == ["withdrawn"]


def test_a_registry_without_limits_gets_those_of_its_profile(session: Session) -> None:
    profile = find_profile("qingdao")
    renamed = profile.time_limits[0].model_copy(update={"title": "另一份样例"})
    other = profile.model_copy(update={"time_limits": [renamed]})
    assert load_time_limits(session, other) > 300
    assert list_versions(session, on_date=NEW_YEAR)[0].title == "另一份样例"
