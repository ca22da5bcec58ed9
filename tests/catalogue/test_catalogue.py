"""The catalogue: three editions, the default profile, the crosswalk, and a city's own profile."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gis_registry.catalogue import queries, service
from gis_registry.catalogue.loading import DEFAULT_PROFILE, CatalogueSummary, load_catalogue
from gis_registry.catalogue.tables import ClassCounterpart, ComponentClass, MatterKind
from gis_registry.errors import InvalidInput, NotFound, UnknownClass, UnknownMatterType

CJT, GBT13, GBT26 = "cjt214-2007", "gbt30428-2013", "gbt47678-2026"

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(content: str) -> Path:
        path = tmp_path / "classes.csv"
        path.write_text(content, encoding="utf-8")
        return path

    return to_file


@pytest.mark.parametrize(
    ("key", "digits", "classes", "places"),
    [(CJT, 4, 85, 35), (GBT13, 4, 120, 76), (GBT26, 5, 153, 97)],
)
def test_each_edition_has_its_classes_and_matters(
    session: Session, key: str, digits: int, classes: int, places: int
) -> None:
    edition = {one.key: one for one in service.list_editions(session)}[key]
    assert edition.class_digits == digits
    assert edition.name_zh
    assert edition.name_en
    found = service.list_classes(session, edition_key=key)
    assert len(found) == classes
    assert {len(one.code) for one in found} == {digits}
    assert {one.edition for one in found} == {key}
    of_places = service.list_matter_types(session, edition_key=key, kind=MatterKind.PLACE)
    of_components = service.list_matter_types(session, edition_key=key, kind=MatterKind.COMPONENT)
    assert len(of_places) == places
    assert [one.code for one in of_components] == [one.code for one in found]


def test_there_are_three_editions(session: Session) -> None:
    assert [one.key for one in service.list_editions(session)] == [CJT, GBT13, GBT26]


def test_the_default_profile_has_115_classes_in_both_languages(session: Session) -> None:
    classes = service.list_classes(session, in_profile=True)
    assert len(classes) == 115
    for one in classes:
        assert any("\u4e00" <= character <= "\u9fff" for character in one.name_zh)
        assert one.name_en.isascii()
        assert one.name_en
        assert one.geometry_type in {"point", "line", "polygon"}
        assert one.accuracy_m in {0.5, 1.0, 10.0}
        assert one.major_code == one.code[:2]
        assert one.major_name_zh
        assert one.major_name_en
    assert len({one.name_zh for one in classes}) == 115


def test_classes_are_listed_by_edition_and_code(session: Session) -> None:
    listed = [(one.edition, one.code) for one in service.list_classes(session)]
    assert listed == sorted(listed)
    assert len(listed) == 358


def test_an_edition_that_does_not_exist_is_refused(session: Session) -> None:
    message = f"There is no edition 'gbt-1999'; there are {CJT}, {GBT13}, {GBT26}."
    with pytest.raises(NotFound) as refused:
        service.list_classes(session, edition_key="gbt-1999")
    assert str(refused.value) == message
    with pytest.raises(NotFound) as refused:
        service.list_matter_types(session, edition_key="gbt-1999")
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("edition", "code", "others"),
    [
        (GBT13, "0137", [(CJT, "0118"), (GBT26, "01037")]),
        (GBT26, "01037", [(CJT, "0118"), (GBT13, "0137")]),
        (CJT, "0118", [(GBT13, "0137"), (GBT26, "01037")]),
        (CJT, "0137", [(GBT13, "0144"), (GBT26, "01044")]),
    ],
)
def test_a_class_has_its_counterparts_in_the_other_editions(
    session: Session, edition: str, code: str, others: list[tuple[str, str]]
) -> None:
    one = service.find_class(session, code, edition_key=edition)
    found = queries.counterparts(session, one.id)
    assert [(other.edition_key, other.code) for other in found] == others


def test_the_crosswalk_leads_both_ways_and_to_other_editions_only(session: Session) -> None:
    pairs = set(
        session.execute(select(ClassCounterpart.class_id, ClassCounterpart.counterpart_id)).all()
    )
    assert len(pairs) > 300
    assert {(other, one) for one, other in pairs} == pairs
    editions = {one.id: one.edition_key for one in queries.classes(session)}
    assert all(editions[one] != editions[other] for one, other in pairs)


@pytest.mark.parametrize(
    ("code", "edition", "kind", "about"),
    [
        pytest.param(
            "01037",
            GBT26,
            MatterKind.COMPONENT,
            [(CJT, "0118"), (GBT13, "0137"), (GBT26, "01037")],
            id="a component matter of the 2026 edition",
        ),
        pytest.param(
            "0137",
            GBT13,
            MatterKind.COMPONENT,
            [(CJT, "0118"), (GBT13, "0137"), (GBT26, "01037")],
            id="a class of the 2013 edition: something is wrong with one of these",
        ),
        pytest.param("06001", GBT26, MatterKind.PLACE, [], id="a matter of the place"),
        pytest.param(" 06001 ", GBT26, MatterKind.PLACE, [], id="with spaces around it"),
    ],
)
def test_a_matter_is_about_classes_of_every_edition_or_about_a_place(
    session: Session, code: str, edition: str, kind: MatterKind, about: list[tuple[str, str]]
) -> None:
    matter = service.find_matter(session, code, matter_edition_key=GBT26, class_edition_key=GBT13)
    assert (matter.type.edition_key, matter.type.kind) == (edition, kind)
    assert [(one.edition_key, one.code) for one in matter.classes] == about


def test_a_class_code_never_means_a_place_matter_of_the_class_edition(session: Session) -> None:
    """0101 of 2013 is both a manhole cover and unauthorised construction."""
    matter = service.find_matter(session, "0101", matter_edition_key=GBT26, class_edition_key=GBT13)
    assert matter.type.kind == MatterKind.COMPONENT
    assert matter.type.name_en == "water supply manhole cover - anomaly"


def test_a_matter_that_is_neither_is_refused(session: Session) -> None:
    with pytest.raises(UnknownMatterType) as refused:
        service.find_matter(session, "99999", matter_edition_key=GBT26, class_edition_key=GBT13)
    assert str(refused.value).startswith(
        f"There is no matter type '99999' in {GBT26} and no class '99999' in {GBT13}."
    )
    assert "the code of a class (`gis-registry catalogue list`)" in str(refused.value)


def test_a_class_is_shown_with_its_counterparts_and_its_matter_type(session: Session) -> None:
    light = service.show_class(session, " 0137 ", edition_key=GBT13)
    assert (light.name_en, light.edition, light.is_in_profile) == ("street light", GBT13, True)
    assert [(one.edition, one.code) for one in light.counterparts] == [
        (CJT, "0118"),
        (GBT26, "01037"),
    ]
    assert light.matter_type is not None
    assert light.matter_type.kind == MatterKind.COMPONENT
    assert (light.matter_type.code, light.matter_type.name_zh) == ("0137", "路灯异常")
    with pytest.raises(UnknownClass, match="It exists in"):
        service.show_class(session, "0137", edition_key=GBT26)
    with pytest.raises(NotFound, match="There is no edition 'gbt-1999'"):
        service.show_class(session, "0137", edition_key="gbt-1999")


@pytest.mark.parametrize(
    ("code", "edition", "hint"),
    [
        ("01037", GBT13, f"It exists in {GBT26} (路灯, street light): name that edition"),
        ("0137", GBT26, f"It exists in {CJT} ("),
        ("0116", GBT13, f"It exists in {CJT} ("),
        ("9999", GBT13, "`gis-registry catalogue list` shows the classes there are."),
        ("", GBT13, "`gis-registry catalogue list` shows the classes there are."),
    ],
)
def test_an_unknown_class_names_the_editions_that_know_it(
    session: Session, code: str, edition: str, hint: str
) -> None:
    with pytest.raises(UnknownClass) as refused:
        service.find_class(session, code, edition_key=edition)
    assert str(refused.value).startswith(f"There is no class {code!r} in the edition {edition}. ")
    assert hint in str(refused.value)


def test_a_class_is_found_with_spaces_around_its_code(session: Session) -> None:
    assert service.find_class(session, " 0137 ", edition_key=GBT13).name_en == "street light"


def test_the_same_catalogue_again_changes_nothing(session: Session) -> None:
    def state() -> object:
        return session.execute(
            select(ComponentClass.id, ComponentClass.code, ComponentClass.is_in_profile).order_by(
                ComponentClass.id
            )
        ).all()

    before = state()
    pairs = session.scalar(select(func.count()).select_from(ClassCounterpart))
    expected = CatalogueSummary(editions=3, classes=358, profile_classes=115, matter_types=566)
    assert load_catalogue(session) == expected
    assert load_catalogue(session, profile_file=DEFAULT_PROFILE) == expected
    assert state() == before
    assert session.scalar(select(func.count()).select_from(ClassCounterpart)) == pairs


def test_a_city_replaces_the_profile_and_adds_classes_of_its_own(
    session: Session, write: Write
) -> None:
    path = write(
        "edition,class_code,name_zh,name_en,geometry,position_accuracy,major_name_zh,major_name_en\n"
        f"{GBT13},0137,,,,,,\n"
        f"{GBT13},0199,充电桩,charging pile,point,A,,\n"
        f"{GBT13},0901,观景台,viewing platform,polygon,C,自有,of the city\n"
    )
    summary = load_catalogue(session, profile_file=path)
    assert (summary.classes, summary.profile_classes) == (360, 3)
    pile, platform = (
        service.find_class(session, code, edition_key=GBT13) for code in ("0199", "0901")
    )
    assert (pile.major_name_zh, pile.geometry_type, pile.accuracy_m) == ("公用设施", "point", 0.5)
    assert pile.certainty == "city profile"
    assert (platform.major_name_en, platform.accuracy_m) == ("of the city", 10.0)
    matter = service.find_matter(session, "0199", matter_edition_key=GBT26, class_edition_key=GBT13)
    assert matter.type.name_zh == "充电桩异常"
    assert [one.id for one in matter.classes] == [pile.id]
    load_catalogue(session)
    assert len(service.list_classes(session, in_profile=True)) == 115
    assert service.find_class(session, "0199", edition_key=GBT13).id == pile.id


def test_a_city_renames_a_shipped_class(session: Session, write: Write) -> None:
    path = write(
        f"edition,class_code,name_zh,name_en,geometry\n{GBT13},0137,道路照明灯,road lamp,point\n"
    )
    load_catalogue(session, profile_file=path)
    assert service.find_class(session, "0137", edition_key=GBT13).name_zh == "道路照明灯"
    matter = service.find_matter(session, "0137", matter_edition_key=GBT26, class_edition_key=GBT13)
    assert matter.type.name_zh == "道路照明灯异常"


_FULL = "edition,class_code,name_zh,name_en,geometry,position_accuracy\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("edition\n", "has no column class_code; its header is: edition."),
        (
            f"{_FULL}gbt-1999,0137\n",
            f"there is no edition 'gbt-1999'; there are: {CJT}, {GBT13}, {GBT26}.",
        ),
        (f"{_FULL}{GBT13},137\n", f"'137' is no class code: {GBT13} has 4 digits."),
        (f"{_FULL}{GBT13},01037\n", f"'01037' is no class code: {GBT13} has 4 digits."),
        (f"{_FULL}{GBT26},０１０３７\n", "is no class code"),
        (f"{_FULL}{GBT13},\n", "the column 'class_code' is empty."),
        (f"{_FULL},0137\n", "the column 'edition' is empty."),
        (
            f"{_FULL}{GBT13},0137\n{GBT13},0137\n",
            f"the class 0137 of {GBT13} stands in the profile twice.",
        ),
        (f"{_FULL}{GBT13},0199\n", "the column 'geometry' is empty."),
        (
            f"{_FULL}{GBT13},0199,桩,pile,circle\n",
            "geometry is 'circle'; write point, line or polygon.",
        ),
        (
            f"{_FULL}{GBT13},0199,桩,pile,point,Z\n",
            "position_accuracy is 'Z'; write A, B or C.",
        ),
        (f"{_FULL}{GBT13},0199,,pile,point\n", "the column 'name_zh' is empty."),
        (f"{_FULL}{GBT13},0199,桩,,point\n", "the column 'name_en' is empty."),
        (f"{_FULL}{GBT13},0901,桩,pile,point\n", "the column 'major_name_zh' is empty."),
    ],
)
def test_a_bad_profile_is_refused_by_its_line(
    session: Session, write: Write, content: str, message: str
) -> None:
    with pytest.raises(InvalidInput) as refused, session.begin_nested():
        load_catalogue(session, profile_file=write(content))
    said = str(refused.value)
    assert message in said
    if content.startswith(_FULL):
        assert said.startswith(f"classes.csv, line {content.count(chr(10))}: ")
    assert len(service.list_classes(session, in_profile=True)) == 115
