"""Moving a registry to another edition, and back: classes, identifiers, what goes on working."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from delivered import frame, load, stage
from delivered import places as sites
from making import CORNER, DAY, claim, copy_of, forget_facts, moved, register, wait_for_a_lock
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis_registry.catalogue import service as catalogue
from gis_registry.components import edition_change, service
from gis_registry.components.edition_change import Action, Decision
from gis_registry.components.schemas import ComponentDetail
from gis_registry.components.tables import ComponentState
from gis_registry.db.embedded import EmbeddedServer
from gis_registry.db.engine import Database
from gis_registry.errors import Conflict, InvalidInput, NotFound, UnknownClass
from gis_registry.integrity import check_contents
from gis_registry.places import service as places
from gis_registry.profile import find_profile
from gis_registry.reports import service as reports
from gis_registry.reports.schemas import NewReport
from gis_registry.surveys import service as surveys

GBT07, GBT13, GBT26 = "cjt214-2007", "gbt30428-2013", "gbt47678-2026"
BEYOND = moved(*CORNER, azimuth=90, metres=60)


def add_own_class(session: Session, code: str = "0199") -> None:
    """Add a class of the city's own to the 2013 edition, like that of street lights."""
    session.execute(
        text(
            """
            INSERT INTO component_classes (edition_key, code, major_code, major_name_zh,
              major_name_en, name_zh, name_en, geometry_type, accuracy_m, is_in_profile, certainty)
            SELECT edition_key, :code, major_code, major_name_zh, major_name_en, '自助图书馆',
              'self-service library', 'point', 1, true, 'city profile'
            FROM component_classes WHERE edition_key = :edition AND code = '0137'
            """
        ),
        {"code": code, "edition": GBT13},
    )
    session.execute(
        text(
            """
            INSERT INTO matter_types (edition_key, kind, code, major_code, major_name_zh, name_zh,
              name_en, certainty)
            VALUES (:edition, 'component', :code, '01', '公用设施类', '自助图书馆异常',
              'self-service library - anomaly', 'city profile')
            """
        ),
        {"code": code, "edition": GBT13},
    )
    session.execute(
        text(
            """
            INSERT INTO matter_type_classes (matter_type_id, class_id)
            SELECT m.id, k.id FROM matter_types m
            JOIN component_classes k ON k.edition_key = m.edition_key AND k.code = m.code
            WHERE m.kind = 'component' AND m.code = :code AND m.edition_key = :edition
            """
        ),
        {"code": code, "edition": GBT13},
    )


def move(session: Session, **options: object) -> edition_change.EditionPlan:
    """Move the registry to the 2026 edition."""
    options.setdefault("to_edition", GBT26)
    return edition_change.apply(session, actor="管理员", **options)  # type: ignore[arg-type]


def test_every_component_gets_a_class_and_an_identifier_of_the_new_edition(
    session: Session,
) -> None:
    code = register(session, *CORNER)
    done = move(session)
    assert (done.from_edition, done.moving, done.kept, done.undecided) == (GBT13, 1, 0, 0)
    shown = service.show(session, code)
    assert (shown.code, shown.component_class.edition, shown.component_class.code) == (
        "3702020137000001",
        GBT26,
        "01037",
    )
    assert [(one.code, one.edition, one.is_primary) for one in shown.identifiers] == [
        ("3702020137000001", GBT13, True),
        ("37020201037000001", GBT26, False),
    ]
    by_new = service.show(session, "370202 01037 000001")
    assert (by_new.code, by_new.found_by is not None) == (code, True)
    assert [(one.operation, one.class_code) for one in service.history(session, code)] == [
        ("registered", "0137"),
        ("migrated", "01037"),
    ]
    assert [(one.relation, one.class_from, one.class_to) for one in shown.lineage] == [
        ("migrated", "0137", "01037")
    ]


def test_an_exception_gets_the_code_of_its_counterpart(session: Session) -> None:
    """0508 became 01071, not 05008."""
    code = register(session, *CORNER, class_code="0508")
    move(session)
    assert service.show(session, code).identifiers[1].code == "37020201071000001"


def test_the_city_sets_which_identifier_is_told_first(session: Session) -> None:
    old = register(session, *CORNER)
    move(session, make_primary=True)
    new = register(session, *BEYOND, class_code="01037")
    shown = service.show(session, old)
    assert [(one.code, one.is_primary) for one in shown.identifiers] == [
        ("37020201037000001", True),
        (old, False),
    ]
    assert service.card(session, old).identifiers == shown.identifiers
    listed = {one.code: one.primary_code for one in service.page(session).components}
    assert listed == {old: "37020201037000001", new: new}
    assert [one.code for one in service.show(session, new).identifiers] == [new]


def test_new_components_are_issued_identifiers_of_the_new_edition_after_those_taken_over(
    session: Session,
) -> None:
    first = register(session, *CORNER)
    gone = register(session, *BEYOND)
    service.edit(session, gone, actor="a", reason="b", on_date=DAY, state=ComponentState.RETIRED)
    move(session)
    assert service.show(session, first).identifiers[1].code == "37020201037000001"
    assert register(session, *BEYOND, class_code="01037") == "37020201037000003"
    assert service.show(session, gone).component_class.code == "0137"  # as it was when it went


def test_a_reclassified_component_is_issued_a_new_serial(session: Session) -> None:
    light = register(session, *CORNER)
    cover = register(session, *BEYOND, class_code="0101")
    service.edit(session, cover, actor="a", reason="it is a light", on_date=DAY, class_code="0137")
    move(session)
    assert service.show(session, light).identifiers[1].code == "37020201037000001"
    assert service.show(session, cover).identifiers[1].code == "37020201037000002"


def test_the_same_code_may_mean_another_thing_in_the_old_edition(session: Session) -> None:
    """0118 is a light in 2007, 0137 a kiosk: serials of a prefix in use are never taken over."""
    places.the_city(session).edition_key = GBT07
    session.flush()
    meant = {one.code: one for one in catalogue.show_class(session, "0118", edition_key=GBT07)
             .counterparts if one.edition == GBT13}  # fmt: skip
    (new_code,) = meant
    light = register(session, *CORNER, class_code="0118")
    other = register(session, *BEYOND, class_code=new_code)
    move(session, to_edition=GBT13)
    shown = service.show(session, light)
    assert shown.component_class.code == new_code
    assert shown.identifiers[1].code == f"370202{new_code}000002"
    assert service.show(session, other).code == f"370202{new_code}000001"


def test_a_class_without_a_counterpart_waits_for_a_decision(session: Session) -> None:
    add_own_class(session)
    light, library = register(session, *CORNER), register(session, *BEYOND, class_code="0199")
    planned = edition_change.plan(session, to_edition=GBT26)
    waiting = [one for one in planned.classes if one.action is Action.UNDECIDED]
    assert [(one.code, one.components, one.candidates) for one in waiting] == [("0199", 1, [])]
    with pytest.raises(Conflict, match=r"^1 classes with components wait for a decision \(0199 自"):
        move(session)
    assert service.show(session, light).component_class.code == "0137"

    move(session, decisions={(None, "0199"): Decision(Action.KEEP)})
    assert service.show(session, light).component_class.code == "01037"
    kept = service.show(session, library)
    assert (kept.component_class.code, len(kept.identifiers), kept.version) == ("0199", 1, 1)
    assert [one.code for one in service.page(session, class_code="0199").components] == [library]


def test_a_class_goes_where_the_city_decides_and_reports_of_it_with_it(session: Session) -> None:
    add_own_class(session)
    forget_facts(session)
    library = register(session, *CORNER, class_code="0199")
    claim(session, "QD-E-31", class_code="0199", division="370202")
    move(session, decisions={(GBT13, "0199"): Decision(Action.MAP, "01038")})
    assert service.show(session, library).component_class.code == "01038"
    for matter in ("0199", "01038"):
        answered = reports.submit(
            session,
            NewReport(channel="inspector", matter=matter, lon=CORNER[0], lat=CORNER[1],
                      accuracy_m=3, text="玻璃破损"),
            reported_by="a",
        )  # fmt: skip
        assert answered.answer.component_code == library
        assert answered.answer.responsible.claim is not None
        assert answered.answer.responsible.claim.unit.code == "QD-E-31"


def test_who_was_responsible_for_a_class_still_is(session: Session) -> None:
    forget_facts(session)
    light = register(session, *CORNER)
    claim(session, "QD-E-31", class_code="0137", division="370202")

    def unit(matter: str) -> tuple[str | None, str | None]:
        new = NewReport(channel="inspector", matter=matter, lon=CORNER[0], lat=CORNER[1],
                        accuracy_m=3)  # fmt: skip
        answer = reports.submit(session, new, reported_by="a").answer
        claimed = answer.responsible.claim
        return answer.component_code, claimed.unit.code if claimed else None

    assert unit("0137") == unit("01037") == (light, "QD-E-31")
    move(session)
    assert unit("0137") == unit("01037") == (light, "QD-E-31")


def test_who_changes_a_component_meanwhile_waits(own_database: Database) -> None:
    with own_database.session() as session:
        code = register(session, *CORNER)

    def edit() -> ComponentDetail:
        with own_database.session() as session:
            return service.edit(
                session, code, actor="a", reason="b", on_date=DAY, attributes={"n": 1}
            )

    with ThreadPoolExecutor(1) as thread:
        with own_database.session() as session:
            move(session)
            waiting = thread.submit(edit)
            wait_for_a_lock(own_database)
        edited = waiting.result()
    assert (edited.version, edited.component_class.code) == (3, "01037")
    with own_database.session() as session:
        states = service.history(session, code)
        assert [one.operation for one in states] == ["registered", "migrated", "edited"]
        assert [one.made_at for one in states] == sorted(one.made_at for one in states)


@pytest.mark.parametrize(
    ("decisions", "message"),
    [
        ({(None, "0137"): Decision(Action.MAP, "99999")}, "0137 cannot be mapped: gbt47678-2026 "),
        ({(None, "0137"): Decision(Action.MAP, "01070")}, "0137 cannot be mapped to 01070: its "),
        ({(None, "0999"): Decision(Action.KEEP)}, "There is a decision on 0999, which is no class"),
    ],
)
def test_a_decision_that_cannot_be_is_refused(
    session: Session, decisions: dict[tuple[str | None, str], Decision], message: str
) -> None:
    register(session, *CORNER)
    with pytest.raises(InvalidInput) as refused:
        move(session, decisions=decisions)
    assert str(refused.value).startswith(message)


def test_decisions_are_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "decided.csv"
    path.write_text(
        "edition,class_code,decision,target_class\n"
        f"{GBT13},0199,map,01038\n,0198,keep,\n,0197,undecided,\n,0196,,\n"
    )
    assert edition_change.read_decisions(path) == {
        (GBT13, "0199"): Decision(Action.MAP, "01038"),
        (None, "0198"): Decision(Action.KEEP),
    }
    path.write_text("class_code,decision,target_class\n0199,drop,\n")
    with pytest.raises(InvalidInput, match="decision is 'drop'; write keep or map"):
        edition_change.read_decisions(path)


def test_what_cannot_be_moved_is_refused(session: Session) -> None:
    with pytest.raises(NotFound, match="no edition 'gbt2099'; there are cjt214-2007, gbt30428"):
        move(session, to_edition="gbt2099")
    with pytest.raises(Conflict, match="The registry is in the edition gbt30428-2013 already"):
        move(session, to_edition=GBT13)
    with pytest.raises(Conflict, match="There is no change of edition to take back"):
        edition_change.revert(session, actor="a")


def test_both_old_and_new_class_codes_go_on_finding(session: Session) -> None:
    code = register(session, *CORNER)
    with pytest.raises(UnknownClass):
        service.page(session, class_code="01037")
    move(session)
    for class_code in ("0137", "01037"):
        assert [one.code for one in service.page(session, class_code=class_code).components] == [
            code
        ]
        near = service.nearest(session, lon=CORNER[0], lat=CORNER[1], class_code=class_code)
        assert [one.code for one in near] == [code]
    profile = catalogue.list_classes(session, edition_key=GBT26, in_profile=True)
    assert len(profile) == 115
    assert catalogue.list_classes(session, edition_key=GBT13, in_profile=True) == []


def test_a_change_is_taken_back_but_for_what_was_changed_since(session: Session) -> None:
    untouched, touched = register(session, *CORNER), register(session, *BEYOND)
    profile = catalogue.list_classes(session, in_profile=True)
    move(session, make_primary=True)
    service.edit(session, touched, actor="a", reason="b", on_date=DAY, attributes={"height_m": 9})
    native = register(session, *moved(*CORNER, azimuth=0, metres=50), class_code="01037")
    undone = edition_change.revert(session, actor="管理员")
    assert (undone.returned, undone.left) == (1, 2)
    city = places.the_city(session)
    assert (city.edition_key, city.primary_edition_key) == (GBT13, None)
    assert catalogue.list_classes(session, in_profile=True) == profile

    shown = service.show(session, untouched)
    assert (shown.component_class.code, shown.version, len(shown.identifiers)) == ("0137", 3, 1)
    assert service.show(session, touched).component_class.code == "01037"
    printed = service.show(session, "37020201037000001")
    assert printed.code == untouched
    assert printed.found_by is not None
    assert printed.found_by.valid_to is not None
    found = {one.code for one in service.page(session, class_code="0137").components}
    assert found == {untouched, touched, native}

    assert move(session).moving == 1  # the same identifier again, none is issued twice
    assert service.show(session, untouched).identifiers[1].code == "37020201037000001"
    assert register(session, *CORNER, class_code="01037") == "37020201037000004"


def test_surveys_go_on_in_the_new_edition(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "lights.gpkg"
    frame(sites(3)).to_file(path)
    first = load(session, path)
    move(session)
    again = load(session, path, class_code="01037")
    assert first.verdicts == {"new": 3}
    assert again.verdicts == {"unchanged": 3}
    frame(sites(4)).to_file(tmp_path / "more.gpkg")
    more = load(session, tmp_path / "more.gpkg", class_code="01037")
    assert more.verdicts == {"unchanged": 3, "new": 1}
    codes = {one.code[6:] for one in service.page(session, class_code="01037").components}
    assert codes == {"0137000001", "0137000002", "0137000003", "01037000004"}


def test_a_survey_that_waits_moves_with_the_registry(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "lights.gpkg"
    frame(sites(3)).to_file(path)
    waiting = [stage(session, path).survey for _ in range(2)]
    move(session)
    surveys.apply(session, waiting[0], actor="a")
    codes = [one.code[6:] for one in service.page(session).components]
    assert codes == [f"0103700000{n}" for n in (1, 2, 3)]
    edition_change.revert(session, actor="a")
    classes = session.scalars(
        text(
            "SELECT DISTINCT k.edition_key FROM survey_rows r "
            "JOIN component_classes k ON k.id = r.class_id WHERE r.survey_id = :survey"
        ),
        {"survey": waiting[1]},
    ).all()
    assert classes == [GBT13]


@pytest.fixture(scope="module")
def sample(server: EmbeddedServer, qingdao_template: str) -> Iterator[Database]:
    """Return a database with the sample city's 20,000 components."""
    profile = find_profile("qingdao")
    with copy_of(server, qingdao_template, "edition_change") as settings, Database(settings) as db:
        with db.session() as session:
            for one in profile.surveys:
                (path,) = profile.paths([one.file])
                load(session, path, class_field=one.class_field, as_of=one.as_of)
        yield db


def test_the_sample_city_moves_whole(sample: Database) -> None:
    with sample.session() as session:
        before = session.scalar(text("SELECT count(*) FROM components"))
        done = move(session, make_primary=True)
        assert done.moving == before == sum(one.components for one in done.classes)
        assert len(done.classes) == 115
        wrong = session.scalar(
            text(
                """
                SELECT count(*)
                FROM components c
                JOIN component_classes k ON k.id = c.class_id
                LEFT JOIN component_aliases a ON a.division_code = c.division_code
                  AND a.code = c.code AND a.kind = 'identifier' AND a.valid_to IS NULL
                WHERE c.operation <> 'migrated' OR c.version <> 2
                  OR k.edition_key <> 'gbt47678-2026'
                  OR a.value IS DISTINCT FROM left(c.code, 6) || k.code || right(c.code, 6)
                """
            )
        )
        assert wrong == 0
        # Every identifier, old and new, stands in one block that was issued.
        unissued = session.scalar(
            text(
                """
                SELECT count(*)
                FROM component_aliases a
                WHERE a.kind = 'identifier' AND (
                  SELECT count(*) FROM identifier_blocks b
                  WHERE b.division_code = a.division_code
                    AND b.class_code = substr(a.value, 7, length(a.value) - 12)
                    AND right(a.value, 6)::int BETWEEN b.first_serial AND b.last_serial) <> 1
                """
            )
        )
        assert unissued == 0
        assert [one for one in check_contents(session) if not one.is_passed] == []
        undone = edition_change.revert(session, actor="test")
        assert (undone.returned, undone.left) == (before, 0)
        assert [one for one in check_contents(session) if not one.is_passed] == []
        assert (
            session.scalar(
                text(
                    """
                SELECT count(*) FROM components c
                JOIN component_history h ON h.division_code = c.division_code AND h.code = c.code
                WHERE h.version = 1 AND c.version = 3 AND h.class_id = c.class_id
                  AND h.attributes = c.attributes AND ST_OrderingEquals(h.geom, c.geom)
                """
                )
            )
            == before
        )
