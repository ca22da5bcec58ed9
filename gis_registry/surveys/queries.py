"""Everything of surveys that talks to the database."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy import Integer, RowMapping, Text, column, exists, func, select, table, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from gis_registry.db.copying import copy_columns
from gis_registry.db.sql import load_queries
from gis_registry.surveys.delivery import Registered
from gis_registry.surveys.findings import Spread
from gis_registry.surveys.tables import Survey, SurveyDecision, SurveyRow, SurveyState

_QUERIES = load_queries(Path(__file__).with_suffix(".sql"))

_CODE_WIDTH = 17
#: The temporary table of what rows say of components.
_SAID = table(
    "said",
    column("row_number", Integer),
    column("code", Text),
    column("attributes", JSONB),
    *(column(f"{role}_id", Integer) for role in ("supervisor", "owner", "maintainer")),
)
#: So many components of a class tell how its numbers are spread.
_SAMPLE_COMPONENTS = 2_000


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


def now(session: Session) -> Any:
    """Return the database's clock, which goes on within a transaction."""
    return session.scalar(select(func.clock_timestamp()))


def registered(
    session: Session,
    class_ids: Sequence[int],
    *,
    related_ids: Sequence[int],
    box: tuple[float, float, float, float],
    attribute_names: Sequence[str],
) -> Registered:
    """Return active components as columns.

    Args:
        session: open transaction.
        class_ids: classes of which all are wanted.
        related_ids: classes of which those in the box are wanted.
        box: west, south, east, north in degrees, EPSG:4490.
        attribute_names: of what fingerprints are made of.
    """
    west, south, east, north = box
    records = _packed(
        session,
        "registered",
        attribute_names,
        {
            "class_ids": list(class_ids),
            "related_ids": list(related_ids),
            "west": west,
            "south": south,
            "east": east,
            "north": north,
        },
        {
            "class_id": ">i4",
            "version": ">i4",
            "area": ">i4",
            "lon": ">f8",
            "lat": ">f8",
            "accuracy_m": ">f8",
            "fingerprint": ">i8",
            "unit_ids": "(3,)>i4",
            "code": f"S{_CODE_WIDTH}",
        },
    )
    return Registered(
        codes=stripped(records["code"]),
        class_ids=records["class_id"].astype(np.int32),
        lon=records["lon"].astype(np.float64),
        lat=records["lat"].astype(np.float64),
        accuracies_m=records["accuracy_m"].astype(np.float64),
        versions=records["version"].astype(np.int32),
        areas=records["area"].astype(np.int32),
        fingerprints=records["fingerprint"].astype(np.int64),
        unit_ids=records["unit_ids"].astype(np.int32),
    )


def fingerprints(
    session: Session, texts: Sequence[str], *, attribute_names: Sequence[str]
) -> NDArray[np.int64]:
    """Return the fingerprints of attributes (JSON), as :func:`registered` has of components."""
    statement, names = _with_names("fingerprints", attribute_names)
    found = session.scalars(text(statement), {"texts": list(texts), **names})
    return np.fromiter(found, dtype=np.int64, count=len(texts))


def attribute_names(session: Session, survey_id: int) -> Sequence[str]:
    """Return the names of what the rows of a survey say, in order."""
    return session.scalars(_QUERIES["attribute_names"], {"survey_id": survey_id}).all()


def delivered(
    session: Session, survey_id: int, *, attribute_names: Sequence[str]
) -> NDArray[np.void]:
    """Return the rows of a survey as records, in the file's order.

    The fields are row_number, class_id (0: unknown), division and area (district and
    subdistrict as numbers, 0: none), is_good, lon, lat, accuracy_m (NaN: none), fingerprint (of
    its attributes), unit_ids (0: none) and identifier (padded with spaces).
    """
    return _packed(
        session,
        "delivered",
        attribute_names,
        {"survey_id": survey_id},
        {
            "row_number": ">i4",
            "class_id": ">i4",
            "division": ">i4",
            "area": ">i4",
            "is_good": ">i4",
            "lon": ">f8",
            "lat": ">f8",
            "accuracy_m": ">f8",
            "fingerprint": ">i8",
            "unit_ids": "(3,)>i4",
            "identifier": f"S{_CODE_WIDTH}",
        },
    )


def component_shapes(session: Session, class_ids: Sequence[int]) -> dict[bytes, bytes]:
    """Return WKB of the lines and polygons among the components of some classes, by identifier."""
    rows = session.execute(_QUERIES["component_shapes"], {"class_ids": list(class_ids)})
    return {code.encode("ascii"): bytes(wkb) for code, wkb in rows}


def row_shapes(session: Session, survey_id: int) -> dict[int, bytes]:
    """Return WKB of the lines and polygons among the rows of a survey, by row number."""
    rows = session.execute(_QUERIES["row_shapes"], {"survey_id": survey_id})
    return {number: bytes(wkb) for number, wkb in rows}


def spreads(session: Session, class_ids: Sequence[int]) -> dict[tuple[int, str], Spread]:
    """Return how numbers of registered components are spread, by class id and attribute."""
    values = {"class_ids": list(class_ids), "most": _SAMPLE_COMPONENTS}
    return {
        (row["class_id"], row["attribute"]): Spread(
            row["count"], row["distinct"], *row["quartiles"]
        )
        for row in session.execute(_QUERIES["spreads"], values).mappings()
    }


def other_staged(session: Session, survey_id: int) -> Sequence[Survey]:
    """Return the other surveys that are staged with rows to apply, the newest first."""
    return session.scalars(
        select(Survey)
        .where(
            Survey.state == SurveyState.STAGED, Survey.id != survey_id, Survey.accepted_count > 0
        )
        .order_by(Survey.id.desc())
    ).all()


def attributes_of_components(session: Session, codes: Sequence[str]) -> dict[int, dict[str, Any]]:
    """Return the attributes of components, by place in the codes."""
    rows = session.execute(_QUERIES["attributes_of_components"], {"codes": list(codes)})
    return {n - 1: attributes for n, attributes in rows}


def attributes_of_rows(
    session: Session, survey_id: int, row_numbers: NDArray[np.int32]
) -> list[str]:
    """Return the attributes of rows of a survey as JSON, by their numbers."""
    values = {"survey_id": survey_id, "row_numbers": row_numbers.tolist()}
    return list(session.scalars(_QUERIES["attributes_of_rows"], values))


def differences(session: Session, said: pa.Table) -> list[tuple[int, str]]:
    """Return which rows say something else of their component than is registered, and what.

    Args:
        session: open transaction.
        said: row_number, code of the component, attributes (JSON) and supervisor_id, owner_id and
            maintainer_id (0: not said).
    """
    session.execute(_QUERIES["said_table"])
    list(copy_columns(session, _SAID, [said], into="said", is_new=True))
    session.execute(text("ANALYZE said"))
    found = [(number, reason) for number, reason in session.execute(_QUERIES["differences"])]
    session.execute(text("DROP TABLE said"))
    return found


def make_rows_table(session: Session, survey_id: int) -> None:
    """Make the table of a survey's rows anew; nobody sees it before it is attached."""
    session.execute(text(_of_survey("no_rows_table", survey_id)))
    session.execute(text(_of_survey("rows_table", survey_id)))


def copy_rows(session: Session, survey_id: int, batches: Iterable[pa.Table]) -> Iterator[int]:
    """Copy rows into the table that this transaction made for them; yields how many are sent."""
    into = f"{SurveyRow.__tablename__}_{survey_id}"
    return copy_columns(session, SurveyRow.__table__, batches, into=into, is_new=True)


def attach_rows(session: Session, survey_id: int) -> None:
    """Make the table of a survey's rows a part of ``survey_rows``, with what the planner needs."""
    for name in ("rows_key", "attach_rows", "analyze_rows"):
        session.execute(text(_of_survey(name, survey_id)))


def _of_survey(name: str, survey_id: int) -> str:
    """Return a statement about the table of a survey's rows; names take no parameters."""
    return _QUERIES[name].text.format(survey_id=survey_id)


def lack(session: Session, survey_id: int, *, after: int, codes: Sequence[str]) -> None:
    """Enter the components that a survey lacks, after its rows."""
    values = {"survey_id": survey_id, "after": after, "codes": list(codes)}
    session.execute(_QUERIES["lack"], values)


def rejudge(session: Session, survey_id: int, judged: pa.Table) -> None:
    """Write the verdicts of rows that came out differently."""
    session.execute(_QUERIES["judged_table"])
    list(copy_columns(session, SurveyRow.__table__, [judged], into="judged", is_new=True))
    session.execute(text("ANALYZE judged"))
    session.execute(_QUERIES["rejudge"], {"survey_id": survey_id})
    session.execute(text("DROP TABLE judged"))


def forget_missing(session: Session, survey_id: int) -> None:
    """Take back what a survey was found to lack."""
    session.execute(_QUERIES["forget_missing"], {"survey_id": survey_id})


def counts(session: Session, survey_id: int) -> Sequence[RowMapping]:
    """Return how many rows have each verdict and refusal."""
    return session.execute(_QUERIES["counts"], {"survey_id": survey_id}).mappings().all()


def overtaken(session: Session, survey_id: int) -> RowMapping | None:
    """Return the first change that outdates a survey's verdicts, and of how many components."""
    values = {"survey_id": survey_id}
    if not session.scalar(_QUERIES["has_changes_since"], values):
        return None
    for name in ("outdated", "registered_since"):
        found = session.execute(_QUERIES[name], values).mappings().first()
        if found is not None:
            return found
    return None


def renumber(session: Session, survey_id: int) -> None:
    """Give the new rows that are registered their places in the runs of identifiers."""
    if session.scalar(select(exists().where(SurveyDecision.survey_id == survey_id))):
        session.execute(_QUERIES["renumber"], {"survey_id": survey_id})


def wanted_identifiers(session: Session, survey_id: int) -> dict[tuple[str, str], int]:
    """Return how many identifiers are needed for each division code and class code."""
    rows = session.execute(_QUERIES["wanted_identifiers"], {"survey_id": survey_id}).mappings()
    return {(row["division_code"], row["class_code"]): row["wanted"] for row in rows}


def register(session: Session, survey_id: int, *, change_id: int, is_synthetic: bool) -> None:
    """Register new rows as components, with the identifiers that were issued to the change."""
    session.execute(text("ANALYZE identifier_blocks"))
    values = {"survey_id": survey_id, "change_id": change_id, "is_synthetic": is_synthetic}
    session.execute(_QUERIES["register"], values)


def change_matched(session: Session, survey_id: int, *, change_id: int) -> None:
    """Change and retire the components that a survey found moved, changed or missing."""
    session.execute(text("SET LOCAL work_mem = '256MB'"))  # what changes fits, if it is some 10 %
    session.execute(_QUERIES["changing"], {"survey_id": survey_id})
    session.execute(text("ANALYZE changing"))
    for name in ("archive_changing", "change_matched", "retire_missing"):
        session.execute(_QUERIES[name], {"change_id": change_id})
    session.execute(text("DROP TABLE changing"))


def undo_change(
    session: Session, change_id: int, *, ended_by: int
) -> tuple[dict[str, int], Sequence[str]]:
    """Give every component that is as a change left it back what it was before.

    Returns:
        How many were withdrawn, since the change had registered them, and how many restored; and
        the identifiers of those that are left as they are, since others changed them later.
    """
    values = {"change_id": change_id, "ended_by": ended_by}
    session.execute(_QUERIES["undone"], {"change_id": change_id})
    session.execute(text("ANALYZE undone"))
    kept = session.scalars(_QUERIES["touched_since"], {"change_id": change_id}).all()
    session.execute(_QUERIES["archive_undone"], {"ended_by": ended_by})
    done = {
        "withdrawn": session.execute(_QUERIES["withdraw"], {"ended_by": ended_by}).rowcount,  # type: ignore[attr-defined]
        "restored": session.execute(_QUERIES["restore"], values).rowcount,  # type: ignore[attr-defined]
    }
    session.execute(text("DROP TABLE undone"))
    return done, kept


def rows(
    session: Session, survey_id: int, *, verdict: str | None, after: int, limit: int
) -> Sequence[RowMapping]:
    """Return rows of a survey in the file's order, then what it lacks; those after one of them."""
    values = {"survey_id": survey_id, "verdict": verdict, "after": after, "limit": limit}
    return session.execute(_QUERIES["rows"], values).mappings().all()


def _cursor(session: Session, *, binary: bool = False) -> Any:
    connection = session.connection().connection.driver_connection
    assert connection is not None  # noqa: S101  a session in a transaction has one
    return connection.cursor(binary=binary)


def _packed(
    session: Session,
    name: str,
    attribute_names: Sequence[str],
    values: Mapping[str, object],
    fields: Mapping[str, str],
) -> NDArray[np.void]:
    """Run a query that packs rows into records of fixed width; return the records.

    Millions of rows come so in a few values, and not one by one.
    """
    statement, names = _with_names(name, attribute_names)
    statement = re.sub(r"(?<!:):(\w+)", r"%(\1)s", statement)
    record = np.dtype(list(fields.items()))
    with _cursor(session, binary=True) as cursor:
        parts = [
            np.frombuffer(records, dtype=record)
            for (records,) in cursor.stream(statement, {**values, **names})
        ]
    return np.concatenate([np.empty(0, dtype=record), *parts])


def _with_names(name: str, attribute_names: Sequence[str]) -> tuple[str, dict[str, str]]:
    """Return a query and its parameters with ``x_said`` spelled out.

    It is the text of which a fingerprint is made: all values in ``x.attributes`` in the order of
    their names, nothing for none.
    """
    names = {f"name_{place}": one for place, one in enumerate(sorted(attribute_names))}
    values = ", ".join(f"{{0}}.attributes ->> CAST(:{one} AS text)" for one in names)
    said = f"array_to_string(CAST(ARRAY[{values}] AS text[]), chr(31), '')"
    return re.sub(r"\b(\w)_said\b", lambda of: said.format(of[1]), _QUERIES[name].text), names


def stripped(codes: NDArray[np.bytes_]) -> NDArray[np.bytes_]:
    """Return codes without the spaces that fill them up to their width."""
    digits = codes.copy().view(np.uint8)
    digits[digits == ord(" ")] = 0
    return digits.view(codes.dtype)
