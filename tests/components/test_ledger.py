"""Aliases: what else components are known by, until when, and finding them by it."""

from datetime import date
from pathlib import Path

import pytest
from delivered import frame, load, places, rows_of
from making import CORNER, moved, register
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis_registry.components import ledger, lookup, queries, service
from gis_registry.components.tables import AliasKind
from gis_registry.errors import (
    Ambiguous,
    Conflict,
    InvalidInput,
    NotFound,
    RegistryError,
    UnknownIdentifier,
)
from gis_registry.surveys import service as surveys
from gis_registry.surveys.tables import Survey

BEYOND = moved(*CORNER, azimuth=90, metres=60)
SPRING, SUMMER = date(2026, 3, 1), date(2026, 6, 1)


def tag(session: Session, code: str, value: str, **options: object) -> None:
    """Let a component carry a tag from spring on."""
    options.setdefault("kind", AliasKind.TAG)
    options.setdefault("on_date", SPRING)
    ledger.add_alias(session, code, value=value, actor="a", reason="seen there", **options)  # type: ignore[arg-type]


def untag(session: Session, code: str, value: str, **options: object) -> None:
    """Take a tag off in summer."""
    options.setdefault("kind", AliasKind.TAG)
    options.setdefault("on_date", SUMMER)
    ledger.end_alias(session, code, value=value, actor="a", reason="fell off", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "written", ["SN-0815", "sn 0815", "ＳＮ－０８１５", " SN/0815\u200b", "Sn·08.15"]
)
def test_a_tag_is_found_however_people_write_it(session: Session, written: str) -> None:
    code = register(session, *CORNER)
    tag(session, code, "SN-0815")
    shown = service.show(session, written)
    assert shown.code == code
    assert shown.found_by is not None
    assert (shown.found_by.kind, shown.found_by.value) == ("tag", "SN-0815")
    assert [(one.kind, one.value, one.valid_from) for one in shown.aliases] == [
        ("tag", "SN-0815", SPRING)
    ]
    assert service.show(session, code).found_by is None
    assert service.card(session, written).code == code
    assert [one.version for one in service.history(session, written)] == [1]


@pytest.mark.parametrize(
    "written",
    [
        "https://city.example/c/{code}",
        "https://city.example/c/{spaced}?lang=en",
        "http://old.example/qr?bh={code}&t=1",
        "city.example/c/SN%2D0815",
    ],
)
def test_the_address_in_a_qr_code_leads_to_its_component(session: Session, written: str) -> None:
    code = register(session, *CORNER)
    tag(session, code, "SN-0815")
    spaced = f"{code[:6]}-{code[6:10]}-{code[10:]}"
    assert service.show(session, written.format(code=code, spaced=spaced)).code == code


def test_a_token_in_an_address_of_somebody_else_is_found_as_it_was_kept(session: Session) -> None:
    code = register(session, *CORNER)
    tag(session, code, "https://vendor.example/x?k=Zm9v", kind=AliasKind.QR)
    assert service.show(session, "https://vendor.example/x?k=Zm9v").code == code


def test_a_value_of_several_components_says_so_and_lists_them(session: Session) -> None:
    one, other = register(session, *CORNER), register(session, *BEYOND)
    tag(session, one, "7")
    tag(session, other, "7", kind=AliasKind.CONTRACTOR_KEY)
    with pytest.raises(Ambiguous) as refused:
        service.show(session, "7")
    assert str(refused.value) == (
        f"'7' stands for several components: {one}, {other}. Name the one you mean."
    )
    found = lookup.candidates(session, "7")
    assert [(hit.code, hit.kind) for hit in found] == [(one, "tag"), (other, "contractor_key")]


def test_a_tag_that_went_to_another_component_is_that_ones(session: Session) -> None:
    one, other = register(session, *CORNER), register(session, *BEYOND)
    tag(session, one, "A7")
    untag(session, one, "A7")
    ended = service.show(session, "A7")
    assert ended.found_by is not None
    assert (ended.code, ended.found_by.valid_to) == (one, SUMMER)
    tag(session, other, "A7", on_date=SUMMER)
    shown = service.show(session, "a7")
    assert shown.found_by is not None
    assert (shown.code, shown.found_by.valid_to) == (other, None)
    assert [(hit.code, hit.valid_to) for hit in shown.found_by.others] == [(one, SUMMER)]


def test_an_identifier_is_never_taken_for_a_tag(session: Session) -> None:
    one, other = register(session, *CORNER), register(session, *BEYOND)
    tag(session, other, one)  # somebody numbered a lamp with another one's identifier
    assert service.show(session, one).code == one
    assert [hit.code for hit in lookup.candidates(session, one)] == [one, other]


def test_what_ended_can_begin_again(session: Session) -> None:
    code = register(session, *CORNER)
    tag(session, code, "A7", on_date=SUMMER)
    untag(session, code, "a-7")
    tag(session, code, "A7", on_date=SUMMER)
    (known,) = ledger.aliases(session, code)
    assert (known.valid_from, known.valid_to) == (SUMMER, None)


@pytest.mark.parametrize(
    ("act", "error", "message"),
    [
        (lambda s, c: tag(s, c, "A 1"), Conflict, "CODE has the tag 'A1' since 2026-03-01."),
        (lambda s, c: tag(s, c, " - "), InvalidInput, "'-' has no letter or digit by which it"),
        (lambda s, c: tag(s, c, "B", on_date=date(2999, 1, 1)), InvalidInput, "2999-01-01 is in"),
        (lambda s, c: untag(s, c, "B"), NotFound, "CODE has no tag 'B' at present; `gis-registry"),
        (lambda s, c: untag(s, c, "A1", on_date=date(2026, 1, 1)), Conflict, "CODE has it since"),
        (lambda s, _: service.show(s, "B"), InvalidInput, "'B' is no identifier: one has 16 or"),
        (
            lambda s, c: service.show(s, f"x/{c[:-1]}9"),
            UnknownIdentifier,
            "3702020137000009 was never issued: in Shinan District",
        ),
    ],
)
def test_what_cannot_be_is_refused(
    session: Session, act: object, error: type[RegistryError], message: str
) -> None:
    code = register(session, *CORNER)
    tag(session, code, "A1")
    with pytest.raises(error) as refused:
        act(session, code)  # type: ignore[operator]
    assert str(refused.value).startswith(message.replace("CODE", code))


def test_an_alias_needs_no_more_than_one_indexed_query(session: Session) -> None:
    """The planner takes the index of the look-up even where it could read the whole table."""
    session.execute(text("SET LOCAL enable_seqscan = off"))
    plan = session.execute(
        text("EXPLAIN SELECT * FROM component_aliases WHERE value_key = alias_key('SN-0815')")
    ).scalars()
    assert "ix_component_aliases_value_key" in "\n".join(plan)


class Surveyed:
    """Surveys of lights with tags, applied one after the other."""

    def __init__(self, session: Session, folder: Path) -> None:
        self.session, self.folder = session, folder
        self.components: list[str] = []
        register(session, *CORNER)  # so that the survey's serials do not begin at 1

    def load(self, tags: list[str | None], as_of: date) -> int:
        """Load lights with tags and keep their tags; return the change."""
        path = self.folder / f"{as_of}.gpkg"
        numbers = list(range(len(tags)))
        frame(places(len(tags)), number=numbers, tag=tags).to_file(path)
        survey = load(self.session, path, as_of=as_of).survey
        if not self.components:
            self.components = [row.code or "" for row in rows_of(self.session, survey)]
        applied = self.session.get_one(Survey, survey)
        change_id = applied.change_id or queries.new_change(self.session, actor="a", reason="b").id
        self.added = ledger.add_survey_aliases(
            self.session, survey_id=survey, change_id=change_id, as_of=as_of, kinds={"tag": "tag"}
        )
        return change_id

    def tags(self, row: int) -> list[tuple[str, date, date | None]]:
        """Return the tags of the component of a row, the first one first."""
        known = ledger.aliases(self.session, self.components[row])
        return sorted((one.value, one.valid_from, one.valid_to) for one in known)


@pytest.fixture
def surveyed(session: Session, tmp_path: Path) -> Surveyed:
    """Return surveys in the test's transaction."""
    return Surveyed(session, tmp_path)


def test_a_survey_names_its_components(surveyed: Surveyed) -> None:
    surveyed.load(["L1", " L2 ", None, "L4", "--"], SPRING)
    assert surveyed.added == 3
    assert [surveyed.tags(row) for row in range(5)] == [
        [("L1", SPRING, None)],
        [("L2", SPRING, None)],
        [],
        [("L4", SPRING, None)],
        [],
    ]
    surveyed.load(["L1", "M2", "M3", None, "L1"], SUMMER)
    assert surveyed.added == 3
    assert [surveyed.tags(row) for row in range(5)] == [
        [("L1", SPRING, None)],
        [("L2", SPRING, SUMMER), ("M2", SUMMER, None)],
        [("M3", SUMMER, None)],
        [("L4", SPRING, None)],  # an empty field says nothing
        [("L1", SUMMER, None)],
    ]
    with pytest.raises(Ambiguous, match="'l1' stands for several components"):
        service.show(surveyed.session, "l1")


def test_an_older_survey_that_comes_later_says_what_held_until_then(surveyed: Surveyed) -> None:
    surveyed.load(["M1", "M2"], SUMMER)
    surveyed.load(["L1", "M2"], SPRING)
    assert surveyed.tags(0) == [("L1", SPRING, SUMMER), ("M1", SUMMER, None)]


def test_a_survey_that_is_reverted_leaves_what_was_known_before(surveyed: Surveyed) -> None:
    surveyed.load(["L1", "L2"], SPRING)
    change = surveyed.load(["M1", "L2"], SUMMER)
    ledger.undo_survey_aliases(surveyed.session, change_id=change)
    assert surveyed.tags(0) == [("L1", SPRING, None), ("M1", SUMMER, SUMMER)]
    assert surveyed.tags(1) == [("L2", SPRING, None)]
    assert service.show(surveyed.session, "M1").code == surveyed.components[0]


def test_rows_that_a_person_rejected_name_nothing(surveyed: Surveyed) -> None:
    surveyed.load(["L1", "L2"], SPRING)
    survey = surveys.surveys(surveyed.session)[0].survey
    change = queries.new_change(surveyed.session, actor="a", reason="again")
    for decision in ("rejected", "dropped", "retried"):
        surveyed.session.execute(
            text(
                "UPDATE survey_rows SET decision = :decision, "
                """attributes = '{"tag": "Z9"}' WHERE survey_id = :survey"""
            ),
            {"decision": decision, "survey": survey},
        )
        added = ledger.add_survey_aliases(
            surveyed.session,
            survey_id=survey,
            change_id=change.id,
            as_of=SUMMER,
            kinds={"tag": "tag"},
        )
        assert added == 0


def test_a_kind_of_alias_that_there_is_not_is_refused(session: Session) -> None:
    with pytest.raises(InvalidInput, match="'number' is no kind of alias; there are identifier"):
        ledger.add_survey_aliases(
            session, survey_id=1, change_id=1, as_of=SPRING, kinds={"number": "no"}
        )
