"""Loading the shipped editions and a city's profile of classes into the database."""

from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

from sqlalchemy import Table, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from gis_registry.catalogue import queries
from gis_registry.catalogue.attribute_schemas import load_attribute_schemas
from gis_registry.catalogue.tables import (
    ClassCounterpart,
    ComponentClass,
    Edition,
    GeometryType,
    MatterKind,
    MatterType,
    MatterTypeClass,
)
from gis_registry.tabular import Row, read_csv

_DATA = Path(__file__).parent / "data"
DEFAULT_PROFILE = _DATA / "profile_115.csv"

#: Position accuracy classes of the standard, in metres.
ACCURACY_M = {"A": 0.5, "B": 1.0, "C": 10.0}


@dataclass(frozen=True)
class CatalogueSummary:
    """How much the catalogue holds after a load."""

    editions: int
    classes: int
    profile_classes: int
    matter_types: int


def load_catalogue(
    session: Session, *, profile_file: Path | None = None, schemas_file: Path | None = None
) -> CatalogueSummary:
    """Load the shipped catalogue and mark the classes of the city's profile.

    What is there already is brought up to date; nothing is deleted, so that components keep their
    class.

    Args:
        session: open transaction.
        profile_file: CSV with ``edition, class_code`` and, for a class of the city's own,
            ``name_zh, name_en, geometry, position_accuracy``; None is the default profile.
        schemas_file: JSON with the city's own schemas of attributes; None: only the shipped ones.

    Raises:
        UnreadableFile: the file cannot be read.
        InvalidInput: a row names no class and does not describe one.
        InvalidProfile: something in the schemas is wrong; the message says where and what.
    """
    _upsert(
        session,
        Edition.__table__,
        ["key"],
        [
            {
                "key": row.required("key"),
                "name_zh": row.required("name_zh"),
                "name_en": row.required("name_en"),
                "class_digits": int(row.number("class_digits")),
                "valid_from": row.date("valid_from"),
            }
            for row in read_csv(_DATA / "editions.csv", {"key"})
        ],
    )
    shipped = read_csv(_DATA / "component_classes.csv", {"edition", "code"})
    _upsert(
        session,
        ComponentClass.__table__,
        ["edition_key", "code"],
        [_class_values(row, code=row.required("code")) for row in shipped],
    )
    _mark_profile(session, profile_file or DEFAULT_PROFILE)
    _load_counterparts(session)
    load_attribute_schemas(session, own=schemas_file)
    _load_matter_types(session)
    return CatalogueSummary(
        editions=len(queries.editions(session)),
        classes=len(queries.classes(session)),
        profile_classes=len(queries.classes(session, in_profile=True)),
        matter_types=len(queries.matter_types(session)),
    )


def _upsert(session: Session, table: object, key: list[str], rows: list[dict[str, object]]) -> None:
    assert isinstance(table, Table)  # noqa: S101  __table__ is typed more widely
    statement = insert(table)
    replaced = {column: statement.excluded[column] for column in rows[0] if column not in key}
    if replaced:
        session.execute(statement.on_conflict_do_update(index_elements=key, set_=replaced), rows)
    else:
        session.execute(statement.on_conflict_do_nothing(), rows)


def _class_values(row: Row, *, code: str) -> dict[str, object]:
    geometry = row.required("geometry")
    accuracy = row.text("position_accuracy", "B")
    if geometry not in set(GeometryType):
        raise row.fault(f"geometry is {geometry!r}; write point, line or polygon.")
    if accuracy not in ACCURACY_M:
        raise row.fault(f"position_accuracy is {accuracy!r}; write A, B or C.")
    return {
        "edition_key": row.required("edition"),
        "code": code,
        "major_code": code[:2],
        "major_name_zh": row.required("major_name_zh"),
        "major_name_en": row.required("major_name_en"),
        "name_zh": row.required("name_zh"),
        "name_en": row.required("name_en"),
        "geometry_type": geometry,
        "accuracy_m": ACCURACY_M[accuracy],
        "certainty": row.text("certainty", "city profile"),
    }


def _mark_profile(session: Session, path: Path) -> None:
    known = {(one.edition_key, one.code): one for one in queries.classes(session)}
    digits = {one.key: one.class_digits for one in queries.editions(session)}
    majors = {(edition, code[:2]): one for (edition, code), one in known.items()}
    session.execute(update(ComponentClass).values(is_in_profile=False))
    seen: set[tuple[str, str]] = set()
    for row in read_csv(path, {"edition", "class_code"}):
        edition, code = row.required("edition"), row.required("class_code")
        if edition not in digits:
            raise row.fault(f"there is no edition {edition!r}; there are: {', '.join(digits)}.")
        if len(code) != digits[edition] or not (code.isascii() and code.isdigit()):
            raise row.fault(f"{code!r} is no class code: {edition} has {digits[edition]} digits.")
        if (edition, code) in seen:
            raise row.fault(f"the class {code} of {edition} stands in the profile twice.")
        seen.add((edition, code))
        if row.text("name_zh") or (edition, code) not in known:
            major = majors.get((edition, code[:2]))
            if major is not None:
                row.values["major_name_zh"] = row.text("major_name_zh", major.major_name_zh)
                row.values["major_name_en"] = row.text("major_name_en", major.major_name_en)
            _upsert(
                session,
                ComponentClass.__table__,
                ["edition_key", "code"],
                [_class_values(row, code=code)],
            )
        session.execute(
            update(ComponentClass)
            .where(ComponentClass.edition_key == edition, ComponentClass.code == code)
            .values(is_in_profile=True)
        )
    session.expire_all()


def _load_counterparts(session: Session) -> None:
    ids = {(one.edition_key, one.code): one.id for one in queries.classes(session)}
    pairs: set[tuple[int, int]] = set()
    editions = [one.key for one in queries.editions(session)]
    for row in read_csv(_DATA / "class_crosswalk.csv", set(editions)):
        same = [ids[edition, row.text(edition)] for edition in editions if row.text(edition)]
        pairs |= set(permutations(same, 2))
    _upsert(
        session,
        ClassCounterpart.__table__,
        ["class_id", "counterpart_id"],
        [{"class_id": one, "counterpart_id": other} for one, other in sorted(pairs)],
    )


def _load_matter_types(session: Session) -> None:
    places: list[dict[str, object]] = [
        {
            "edition_key": row.required("edition"),
            "kind": MatterKind.PLACE,
            "code": row.required("code"),
            "major_code": row.required("code")[:2],
            "major_name_zh": row.required("major_name_zh"),
            "name_zh": row.required("name_zh"),
            "name_en": row.required("name_en"),
            "certainty": row.required("certainty"),
        }
        for row in read_csv(_DATA / "place_matter_types.csv", {"edition", "code"})
    ]
    # Every class has a matter of its own; the 2026 edition names it by adding 异常 (anomaly).
    of_classes: list[dict[str, object]] = [
        {
            "edition_key": one.edition_key,
            "kind": MatterKind.COMPONENT,
            "code": one.code,
            "major_code": one.major_code,
            "major_name_zh": one.major_name_zh,
            "name_zh": f"{one.name_zh}异常",
            "name_en": f"{one.name_en} - anomaly",
            "certainty": one.certainty,
        }
        for one in queries.classes(session)
    ]
    _upsert(session, MatterType.__table__, ["edition_key", "kind", "code"], places + of_classes)
    own = (
        select(MatterType.id, ComponentClass.id.label("class_id"))
        .join(
            ComponentClass,
            (ComponentClass.edition_key == MatterType.edition_key)
            & (ComponentClass.code == MatterType.code),
        )
        .where(MatterType.kind == MatterKind.COMPONENT)
    ).subquery()
    counterparts = select(own.c.id, ClassCounterpart.counterpart_id).join(
        ClassCounterpart, ClassCounterpart.class_id == own.c.class_id
    )
    session.execute(
        insert(MatterTypeClass)
        .from_select(
            ["matter_type_id", "class_id"], select(own.c.id, own.c.class_id).union(counterparts)
        )
        .on_conflict_do_nothing()
    )
