"""Indicators as they are asked for: exact, by what is wanted, down to the very cases."""

from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session
from walking import BEGINNING, PHOTO, add_photo, at, opened, walk

from gis_registry.cases import changing
from gis_registry.cases import indicator_answers as answers
from gis_registry.cases import indicator_upkeep as upkeep
from gis_registry.cases.changing import AskedChange
from gis_registry.cases.indicator_answers import Asked
from gis_registry.cases.indicator_counting import PROGRESS
from gis_registry.cases.indicator_formulas import Part, indicators
from gis_registry.cases.indicator_measures import DURATIONS, MEASURES
from gis_registry.cases.indicator_schemas import IndicatorAnswer
from gis_registry.cases.indicator_tables import Period
from gis_registry.cases.indicator_views import Grouping, View, spans
from gis_registry.cases.life_cycle import Action
from gis_registry.cases.schemas import CaseChange
from gis_registry.clock import simulated
from gis_registry.errors import InvalidInput, NotFound, UnknownClass
from gis_registry.reports import service as reports
from gis_registry.reports.schemas import NewReport
from gis_registry.reports.tables import Channel
from gis_registry.roles import Role
from gis_registry.users.service import Actor

BOSS = Actor("王调度", Role.ADMINISTRATOR)
#: The scene of the newspaper: an untidy bin on a summer afternoon.
SEEN = datetime(2026, 6, 30, 5, 51, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
JUNE = Asked(first=date(2026, 6, 1), last=date(2026, 6, 30))


def _values(found: IndicatorAnswer) -> dict[str, float | None]:
    return {one.key: one.value for one in found.total}


def _handled_in_fifty_minutes(session: Session) -> int:
    number = opened_by_drone(session)
    for minutes, action, change in (
        (17, Action.FILE, CaseChange()),
        (49, Action.HANDLE, CaseChange(photos=[PHOTO])),
        (50, Action.CLOSE, CaseChange(reason="现场已核")),
    ):
        asked = AskedChange(number, action, BOSS, change)
        changing.change_all(session, [asked], at=SEEN + minutes * MINUTE)
    return number


def test_one_case_says_what_each_indicator_means(session: Session) -> None:
    add_photo(session)
    number = _handled_in_fifty_minutes(session)
    with simulated(at(SEEN + timedelta(days=40))):
        found = answers.answer(session, Asked(first=date(2026, 6, 1), last=date(2026, 7, 31)))
        assert (found.from_, found.to) == (date(2026, 6, 1), date(2026, 7, 31))
        values = _values(found)
        assert values["reported_count"] == values["filed_count"] == values["closed_count"] == 1
        assert values["filing_rate"] == values["filing_accuracy"] == 1
        assert values["handling_rate"] == values["handling_on_time_rate"] == 1
        assert values["closing_on_time_rate"] == values["dispatch_accuracy"] == 1
        assert values["rework_rate"] == values["overdue_rate"] == 0
        assert values["report_to_file_average"] == values["report_to_file_p90"] == 17
        assert values["file_to_dispatch_average"] == 0
        assert values["dispatch_to_handle_p50"] == 32
        assert values["report_to_close_average"] == values["report_to_close_p95"] == 50
        assert values["drone_answer_rate"] == 1
        assert values["appeals_upheld_rate"] is None
        listed = answers.cases(session, JUNE, "drone_answer_rate", Part.NUMERATOR)
        assert (listed.count, [one.id for one in listed.cases]) == (1, [number])


def test_half_an_hour_is_half_an_hour(session: Session) -> None:
    asked = AskedChange(opened_by_drone(session), Action.FILE, BOSS)
    changing.change_all(session, [asked], at=SEEN + timedelta(minutes=30, seconds=1))
    with simulated(at(SEEN + timedelta(days=1))):
        (value,) = answers.answer(session, JUNE, keys=["drone_answer_rate"]).total
        assert (value.numerator, value.denominator) == (0, 1)
        assert answers.cases(session, JUNE, "drone_answer_rate", Part.NUMERATOR).cases == []


def opened_by_drone(session: Session) -> int:
    new = NewReport(lon=120.3826, lat=36.0671, matter="0101", accuracy_m=5, channel=Channel.DRONE)
    with simulated(at(SEEN)):
        return reports.submit(session, new, reported_by="无人机").case_id


@pytest.fixture
def walked(session: Session) -> datetime:
    """Let cases go their ways for some weeks; return when it is."""
    add_photo(session)
    random = Random(3)
    case_ids = [opened(session, BEGINNING, random) for _ in range(8)]
    moment = walk(session, case_ids, BEGINNING, random, steps=60)
    upkeep.fold(session)
    return walk(session, case_ids, moment, random, steps=10) + timedelta(days=60)


def test_an_indicator_counts_the_very_cases_that_it_lists(
    session: Session, walked: datetime
) -> None:
    asked = Asked(first=date(2026, 4, 30), last=walked.date())
    counted = 0
    with simulated(at(walked)):
        for key, one in indicators().items():
            for part in Part:
                listed, before = [], None
                while True:
                    page = answers.cases(session, asked, key, part, before=before, limit=3)
                    listed += [one.id for one in page.cases]
                    before = page.next_before
                    if before is None:
                        break
                assert len(set(listed)) == len(listed)
                if one.unit == "minutes":
                    assert page.part == Part.DENOMINATOR
                assert len(listed) == page.count, (key, part)
                counted += len(listed)
    assert counted > 100


@pytest.mark.parametrize("by", [None, *Grouping])
def test_totals_and_cases_give_the_same(
    session: Session, walked: datetime, by: Grouping | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Asked(first=date(2026, 5, 1), last=walked.date(), by=by)
    with simulated(at(walked)):
        view = answers.view_of(session, asked)
        wanted = list(indicators().values())
        kept = answers._values(session, wanted, view)
        monkeypatch.setattr(View, "scope", None)
        counted = answers._values(session, wanted, view)
    assert kept == counted
    assert kept


def test_what_cannot_be_asked_is_refused(session: Session) -> None:
    with simulated(at(SEEN)):
        with pytest.raises(InvalidInput, match="2027-01-01 has not come yet"):
            answers.answer(session, Asked(first=date(2027, 1, 1)))
        with pytest.raises(InvalidInput, match="are no days"):
            answers.answer(session, Asked(first=date(2026, 6, 2), last=date(2026, 6, 1)))
        with pytest.raises(NotFound, match="no indicator 'luck'"):
            answers.answer(session, Asked(), keys=["luck"])
        with pytest.raises(NotFound, match="no unit 'X'"):
            answers.answer(session, Asked(unit="X"))
        with pytest.raises(UnknownClass):
            answers.answer(session, Asked(class_code="9999"))
        with pytest.raises(NotFound, match="no district or subdistrict"):
            answers.answer(session, Asked(division="999999"))
        assert answers.answer(session, Asked(last=date(2030, 1, 1))).to == date(2026, 6, 30)


def test_each_moment_on_whose_day_cases_are_listed_has_an_index() -> None:
    (index,) = (one for one in PROGRESS.indexes if one.name == "ix_case_progress_moments")
    assert {one.name for one in index.columns} == {one.at for one in (*MEASURES, *DURATIONS)}


def test_every_formula_is_of_what_is_counted() -> None:
    measures = {one.key for one in MEASURES}
    durations = {one.key for one in DURATIONS}
    for one in indicators().values():
        assert one.denominator is None or one.denominator in measures | durations
        assert one.numerator in measures or one.duration is not None


def test_days_are_split_into_the_longest_periods() -> None:
    every = [Period.YEAR, Period.MONTH, Period.DAY]
    found = list(spans(date(2024, 11, 29), date(2026, 2, 2), every))
    assert [(one.period, f"{one.first}", f"{one.last}") for one in found] == [
        ("day", "2024-11-29", "2024-11-30"),
        ("month", "2024-12-01", "2024-12-01"),
        ("year", "2025-01-01", "2025-01-01"),
        ("month", "2026-01-01", "2026-01-01"),
        ("day", "2026-02-01", "2026-02-02"),
    ]
    assert len(list(spans(date(2026, 6, 1), date(2026, 6, 30), every))) == 1
    assert len(list(spans(date(2026, 1, 1), date(2026, 12, 31), every))) == 1


def test_every_case_stands_where_its_events_take_it(session: Session, walked: datetime) -> None:
    assert upkeep.unlike_events(session) == []
    session.execute(text("UPDATE case_progress SET urged = urged + 1"))
    assert len(upkeep.unlike_events(session, most=2)) == 2
