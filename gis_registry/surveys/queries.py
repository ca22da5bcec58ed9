"""Everything of surveys that talks to the database."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path

from sqlalchemy import RowMapping, func, select, text
from sqlalchemy.orm import Session

from gis_registry.db.sql import load_queries
from gis_registry.surveys.tables import Survey, SurveyState

_QUERIES = load_queries(Path(__file__).with_suffix(".sql"))


def survey(session: Session, survey_id: int, *, lock: bool = False) -> Survey | None:
    """Return a survey, if asked so that nobody else can change it until the transaction ends."""
    return session.get(Survey, survey_id, with_for_update=True if lock else None)


def surveys(session: Session) -> Sequence[Survey]:
    """Return all surveys, the newest first."""
    return session.scalars(select(Survey).order_by(Survey.id.desc())).all()


def applied_with(session: Session, file_sha256: str) -> Survey | None:
    """Return the newest applied survey of a file with this content."""
    return session.scalars(
        select(Survey)
        .where(Survey.file_sha256 == file_sha256, Survey.state == SurveyState.APPLIED)
        .order_by(Survey.id.desc())
        .limit(1)
    ).one_or_none()


def lock_applying(session: Session) -> None:
    """Let one survey at a time match and apply; it ends with the transaction."""
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("surveys", 0))))


def copy_rows(session: Session, columns: Sequence[str], csv: BytesIO) -> None:
    """Copy rows into a survey from CSV without a header; an empty unquoted field is null."""
    connection = session.connection().connection.driver_connection
    assert connection is not None  # noqa: S101  a session in a transaction has one
    statement = f"COPY survey_rows ({', '.join(columns)}) FROM STDIN (FORMAT csv)"
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(csv.getbuffer())


def analyze(session: Session) -> None:
    """Tell the planner how many rows there are now."""
    session.execute(text("ANALYZE survey_rows"))


def refuse_repeated_places(session: Session, survey_id: int) -> None:
    """Refuse rows that repeat an earlier row's class and geometry."""
    session.execute(_QUERIES["refuse_repeated_places"], {"survey_id": survey_id})


def forget_matches(session: Session, survey_id: int) -> None:
    """Let rows that matched a component be matched again."""
    session.execute(_QUERIES["forget_matches"], {"survey_id": survey_id})


def match_rows(session: Session, survey_id: int) -> None:
    """Find the components that rows are about."""
    session.execute(_QUERIES["match_rows"], {"survey_id": survey_id})


def wanted_identifiers(session: Session, survey_id: int) -> dict[tuple[str, str], int]:
    """Return how many identifiers are needed for each division code and class code."""
    rows = session.execute(_QUERIES["wanted_identifiers"], {"survey_id": survey_id}).mappings()
    return {(row["division_code"], row["class_code"]): row["wanted"] for row in rows}


def register(
    session: Session,
    survey_id: int,
    *,
    change_id: int,
    first_serials: Mapping[tuple[str, str], int],
    is_synthetic: bool,
) -> None:
    """Give new rows their identifiers and register them as components."""
    session.execute(
        _QUERIES["register"],
        {
            "survey_id": survey_id,
            "change_id": change_id,
            "is_synthetic": is_synthetic,
            "division_codes": [division for division, _ in first_serials],
            "class_codes": [class_code for _, class_code in first_serials],
            "serials": list(first_serials.values()),
        },
    )


def registered_by(session: Session, survey_id: int, change_id: int | None) -> Sequence[RowMapping]:
    """Return the components that a survey registered."""
    values = {"survey_id": survey_id, "change_id": change_id}
    return session.execute(_QUERIES["registered_by"], values).mappings().all()


def withdraw(session: Session, *, change_id: int, keys: Sequence[tuple[str, str]]) -> None:
    """Withdraw components (division code, code)."""
    division_codes, codes = zip(*keys, strict=True)
    session.execute(
        _QUERIES["withdraw"],
        {"change_id": change_id, "division_codes": list(division_codes), "codes": list(codes)},
    )


def counts(session: Session, survey_id: int) -> Sequence[RowMapping]:
    """Return how many rows have each verdict and refusal."""
    return session.execute(_QUERIES["counts"], {"survey_id": survey_id}).mappings().all()


def rows(
    session: Session, survey_id: int, *, verdict: str | None, after: int, limit: int
) -> Sequence[RowMapping]:
    """Return rows of a survey in the file's order, those after one of them."""
    values = {"survey_id": survey_id, "verdict": verdict, "after": after, "limit": limit}
    return session.execute(_QUERIES["rows"], values).mappings().all()
