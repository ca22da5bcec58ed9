"""Selecting rows of a survey, and reading what became of them a page at a time."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from gis_registry.catalogue import queries as catalogue
from gis_registry.catalogue import service as classes
from gis_registry.errors import InvalidInput, NotFound
from gis_registry.places import queries as divisions
from gis_registry.places import service as places
from gis_registry.surveys import review_queries
from gis_registry.surveys.summaries import get_survey

_PAGE_ROWS = 10_000
_SUBDISTRICT_DIGITS = 9


@dataclass(frozen=True)
class Selection:
    """Which rows of a survey are meant: those for which all that is given holds.

    At least one thing has to be given, so that an empty list of what somebody looked for does not
    mean all rows; those are meant by ``everything`` alone.

    Attributes:
        verdicts: of any of these verdicts.
        decisions: with any of these decisions; ``none`` is without one.
        class_codes: of any of these classes.
        areas: in any of these districts or subdistricts, or in the city itself.
        rows: with any of these numbers.
        components: about any of these components; so missing ones are named, which have no number.
        everything: all rows.

    Raises:
        InvalidInput: nothing is given, or something beside ``everything``.
    """

    verdicts: tuple[str, ...] = ()
    decisions: tuple[str, ...] = ()
    class_codes: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()
    rows: tuple[int, ...] = ()
    components: tuple[str, ...] = ()
    everything: bool = False

    def __post_init__(self) -> None:
        """Refuse a selection that does not say what it means."""
        given = self.described()
        if not given:
            raise InvalidInput("Say which rows are meant, or that everything is.")
        if self.everything and len(given) > 1:
            raise InvalidInput("Say which rows are meant, or that everything is, but not both.")

    def described(self) -> dict[str, Any]:
        """Return the selection as a decision keeps it."""
        return {
            name: given if given is True else list(given)
            for name, given in asdict(self).items()
            if given
        }


EVERYTHING = Selection(everything=True)


def selected_rows(
    session: Session, survey_id: int, selection: Selection = EVERYTHING
) -> Iterator[RowMapping]:
    """Return rows of a survey in the file's order, then what it lacks, with geometries.

    The rows are read page by page, so that millions of them need little memory. The columns are
    those of :class:`~gis_registry.surveys.schemas.SurveyRowEntry`, ``attributes``, ``wkb`` and
    ``registered_wkb`` (EPSG:4490): the place of the row and that of its component before the
    survey.

    Raises:
        NotFound: there is no such survey, class or area.
    """
    get_survey(session, survey_id)
    wanted = resolved(session, selection)
    return _pages(session, survey_id, wanted)


def _pages(session: Session, survey_id: int, wanted: review_queries.Wanted) -> Iterator[RowMapping]:
    after = 0
    while numbers := review_queries.row_numbers(
        session, survey_id, wanted, after=after, limit=_PAGE_ROWS
    ):
        yield from review_queries.reviewed_rows(session, survey_id, numbers)
        after = numbers[-1]


def resolved(session: Session, selection: Selection) -> review_queries.Wanted:
    """Return a selection as the database is asked for it.

    Raises:
        UnknownClass, NotFound: there is no such class or area.
    """
    edition_key = places.the_city(session).edition_key
    for code in selection.class_codes:
        classes.find_class(session, code, edition_key=edition_key)
    known = catalogue.classes(session) if selection.class_codes else []
    return review_queries.Wanted(
        verdicts=selection.verdicts,
        decisions=selection.decisions,
        class_ids=tuple(one.id for one in known if one.code in selection.class_codes),
        rows=selection.rows,
        components=selection.components,
        **_areas(session, selection.areas),
    )


def _areas(session: Session, codes: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    districts: list[str] = []
    subdistricts: list[str] = []
    for code in codes:
        division = divisions.division(session, code)
        if division is None or len(code) > _SUBDISTRICT_DIGITS:
            raise NotFound(
                f"There is no district or subdistrict {code!r}; `gis-registry places list` "
                "shows what there is."
            )
        if len(code) == _SUBDISTRICT_DIGITS:
            subdistricts.append(code)
        else:
            below = divisions.divisions(session, parent_code=code)
            districts += [code, *(one.code for one in below)]
    return {"districts": tuple(districts), "subdistricts": tuple(subdistricts)}
