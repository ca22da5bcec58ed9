"""What a text or a scan says of the component besides its place."""

from datetime import UTC, datetime

import pytest
from making import CORNER, DAY, moved, register
from sqlalchemy import text, update
from sqlalchemy.orm import Session

from gis_registry.components.lineage import succeed
from gis_registry.components.tables import Component, Relation
from gis_registry.reports import clues, service
from gis_registry.reports.clues import Token
from gis_registry.reports.explaining import explain
from gis_registry.reports.schemas import Answer, NewReport


@pytest.mark.parametrize(
    ("said", "tokens"),
    [
        ("路灯杆123号不亮", [("123", True)]),
        ("路灯杆 123 号", [("123", True)]),
        ("１２３号灯杆", [("123", True)]),
        ("一二三号路灯", [("123", True)]),
        ("第一百二十三号杆", [("123", True)]),
        ("No. 123 is dark", [("123", True)]),
        ("pole #123", [("123", True)]),
        ("Hydrant PH6000 leaks", [("PH6000", True)]),
        ("灯杆LD-00001-003闪", [("LD-00001-003", True)]),
        ("3号灯", [("3", True)]),
        ("坏了 47", [("47", False)]),
        ("路灯不亮", []),
        ("2盏路灯不亮", []),
        ("三盏路灯不亮，已经3天了", []),
        ("2026-07-06 08:04 路灯不亮", []),
        ("7月6日晚上8点30分发现", []),
        ("25号晚上不亮", []),
        ("请回电13812345678", []),
        ("电话0532-85912345", []),
        ("香港中路123号门前路灯", []),
        ("3号楼旁", []),
        ("15 Main Street, light out", []),
        ("6 lights out for 3 days", []),
        ("离地1.5米", []),
        ("call 617-555-0123", []),
    ],
)
def test_numbers_that_may_be_the_components(said: str, tokens: list[tuple[str, bool]]) -> None:
    assert [(one.text, one.is_labelled) for one in clues.read(said, None).tokens] == tokens


def test_identifiers_and_scans_are_looked_up_anywhere() -> None:
    said = clues.read("编号3702020137000001", " https://x.example/c/3702020137000002 ")
    assert [(one.kind, one.code) for one in said.labels] == [
        ("scanned", "3702020137000002"),
        ("written", "3702020137000001"),
    ]
    (label,) = clues.read("", "https://x.example/c/A-7").labels
    assert (label.inner, label.code) == ("A-7", None)


def test_a_number_speaks_for_the_one_that_it_fits_and_against_its_neighbours() -> None:
    written = [{"lamp_no": ["LD-1-12"]}, {"lamp_no": ["LD-1-13"]}, {}]
    fits = clues.numbers_fit([Token("13", is_labelled=True)], written)
    assert fits[1].odds > 50
    assert fits[0].odds < 0.2
    assert fits[2].odds == 1
    assert (fits[1].name, fits[0].token) == ("lamp_no", None)


@pytest.mark.parametrize(
    "written",
    [
        pytest.param([{"no": ["5"]}, {"no": ["6"]}], id="it fits none"),
        pytest.param([{"lamps": ["13"]}, {"lamps": ["13"]}, {"lamps": ["1"]}], id="no name tells"),
        pytest.param([{}, {}], id="nothing is written on them"),
    ],
)
def test_a_number_that_tells_nothing_apart_says_nothing(
    written: list[dict[str, list[str]]],
) -> None:
    fits = clues.numbers_fit([Token("13", is_labelled=True)], written)
    assert {one.odds for one in fits} == {1.0}


def test_longer_numbers_and_codes_weigh_more() -> None:
    def odds(token: Token) -> float:
        return clues.numbers_fit([token], [{"no": [token.text]}, {"no": ["x"]}])[0].odds

    rising = [
        odds(Token("7", is_labelled=True)),
        odds(Token("71", is_labelled=True)),
        odds(Token("712", is_labelled=True)),
        odds(Token("PH-712", is_labelled=False)),
    ]
    assert rising == sorted(rising)
    assert odds(Token("712", is_labelled=False)) < odds(Token("712", is_labelled=True))


def submit(session: Session, **values: object) -> Answer:
    new = NewReport.model_validate(
        {"lon": CORNER[0], "lat": CORNER[1], "matter": "0137", "accuracy_m": 10} | values
    )
    return service.submit(session, new, reported_by="王巡查").answer


def lamps(session: Session) -> list[str]:
    """Register three lamps in a row, numbered 122, 123 and 124, the second one farthest away."""
    codes = []
    for number, (azimuth, metres) in zip(
        (122, 123, 124), ((90, 4), (180, 9), (270, 5)), strict=True
    ):
        code = register(session, *moved(*CORNER, azimuth=azimuth, metres=metres))
        session.execute(
            update(Component)
            .where(Component.code == code)
            .values(attributes={"PoleID": str(number), "LAMPS": 1})
        )
        codes.append(code)
    return codes


def alias(session: Session, code: str, value: str, kind: str = "tag") -> None:
    session.execute(
        text(
            "INSERT INTO component_aliases (division_code, code, kind, value, value_key, "
            "valid_from, change_id) SELECT left(CAST(:code AS text), 6), :code, :kind, :value, "
            "alias_key(:value), :day, max(id) FROM changes"
        ),
        {"code": code, "kind": kind, "value": value, "day": DAY},
    )


def test_a_number_in_the_text_decides_between_neighbours(session: Session) -> None:
    codes = lamps(session)
    assert submit(session, text="路灯不亮").outcome == "ambiguous"
    answer = submit(session, text="路灯杆123号不亮")
    assert (answer.outcome, answer.component_code) == ("unique", codes[1])
    clue = answer.candidates[0].clue
    assert clue is not None
    assert (clue.kind, clue.said, clue.matched) == ("number", "123", "PoleID")
    assert clue.odds > 100
    (why,) = [one for one in answer.grounds if one.step == "component"]
    assert "编号123与文字相符" in why.zh
    assert "the number 123 in the text fits" in why.en


@pytest.mark.parametrize(
    "said", ["2026年7月6日", "1盏灯不亮", "香港中路123号门口", "13800000123", "999号灯", "1号"]
)
def test_other_numbers_do_not_mislead(session: Session, said: str) -> None:
    lamps(session)
    plain, other = submit(session), submit(session, text=said)
    assert [one.probability for one in other.candidates] == [
        one.probability for one in plain.candidates
    ]


@pytest.mark.parametrize("scanned", ["LD-00123", "ld 00123", "https://x.example/c/LD-00123"])
def test_a_scanned_tag_is_nearly_certain(session: Session, scanned: str) -> None:
    codes = lamps(session)
    alias(session, codes[1], "LD-00123")
    answer = submit(session, scanned=scanned)
    assert (answer.outcome, answer.component_code) == ("unique", codes[1])
    assert answer.candidates[0].probability > 0.99
    assert answer.candidates[0].clue is not None
    assert answer.candidates[0].clue.matched == "tag"
    assert submit(session, text="灯杆LD-00123坏了").component_code == codes[1]


def test_a_tag_on_several_means_the_one_that_is_near(session: Session) -> None:
    codes = lamps(session)
    far = register(session, *moved(*CORNER, azimuth=90, metres=900))
    for code in (codes[1], far):
        alias(session, code, "T-1")
    assert submit(session, scanned="T-1").component_code == codes[1]


def test_an_unknown_label_says_nothing(session: Session) -> None:
    lamps(session)
    plain, other = submit(session), submit(session, scanned="nobody knows", text="XX-99999")
    assert other.candidates == plain.candidates


def test_a_label_far_away_is_in_doubt_and_says_how_far(session: Session) -> None:
    codes = lamps(session)
    far = register(session, *moved(*CORNER, azimuth=90, metres=900))
    answer = submit(session, scanned=far)
    assert (answer.outcome, answer.component_code) == ("ambiguous", None)
    assert answer.candidates[0].code == far
    assert {one.code for one in answer.candidates} == {far, *codes}
    assert answer.candidates[0].clue is not None
    assert answer.candidates[0].clue.is_doubtful
    (why,) = [one for one in answer.grounds if one.step == "component"]
    assert "900 m from the reported position" in why.en
    assert "距上报位置900米" in why.zh
    # A tag in a text may be anything: far away it does not count.
    alias(session, far, "ZZ-00900")
    assert far not in {one.code for one in submit(session, text="ZZ-00900").candidates}


def test_a_label_of_another_class_is_in_doubt(session: Session) -> None:
    lamps(session)
    bin_ = register(session, *CORNER, class_code="0305")
    answer = submit(session, scanned=bin_)
    assert answer.outcome == "ambiguous"
    assert answer.candidates[0].code == bin_
    assert answer.candidates[0].component_class.code == "0305"


def replaced(session: Session, old: str, *new: str) -> None:
    relation = Relation.REPLACED_BY if len(new) == 1 else Relation.SPLIT_INTO
    succeed(session, relation, predecessors=[old], successors=new, actor="test", reason="worn out")


def retire(session: Session, code: str, state: str = "retired") -> None:
    session.execute(update(Component).where(Component.code == code).values(state=state))


def told(answer: Answer, step: str = "component") -> list[tuple[str, str]]:
    return [(one.zh, one.en) for one in answer.grounds if one.step == step]


@pytest.mark.parametrize("how", ["tag", "identifier", "qr", "text"])
def test_a_label_of_what_was_replaced_means_what_took_its_place(session: Session, how: str) -> None:
    first, second, third = lamps(session)
    alias(session, first, "LD-00122", kind="qr" if how == "qr" else "tag")
    middle = register(session, *moved(*CORNER, azimuth=90, metres=4))
    replaced(session, first, middle)
    replaced(session, middle, second)
    said = {
        "tag": {"scanned": "LD-00122"},
        "qr": {"scanned": "https://x.example/c/LD-00122"},
        "identifier": {"scanned": first},
        "text": {"text": f"编号{first}不亮"},
    }[how]
    answer = submit(session, **said)
    assert (answer.outcome, answer.component_code) == ("unique", second)
    clue = answer.candidates[0].clue
    assert clue is not None
    assert (clue.label_of, clue.is_doubtful) == (first, False)
    ((zh, en),) = told(answer)
    assert f"属于{first}，它已被{second}取代" in zh
    assert f"belongs to {first}, which was replaced by {second}" in en
    assert third in {one.code for one in answer.candidates}


def test_a_label_of_what_was_split_means_any_of_its_parts(session: Session) -> None:
    first, second, third = lamps(session)
    replaced(session, first, second, third)
    answer = submit(session, scanned=first)
    labelled = {one.code for one in answer.candidates if one.clue and one.clue.label_of == first}
    assert labelled == {second, third}
    assert sum(one.probability for one in answer.candidates[:2]) > 0.99


def test_who_has_a_label_comes_before_who_took_the_place_of_one_that_had_it(
    session: Session,
) -> None:
    first, second, third = lamps(session)
    for code in (first, third):
        alias(session, code, "LD-1")
    replaced(session, first, second)
    answer = submit(session, scanned="LD-1")
    assert answer.component_code == third
    assert answer.candidates[0].clue is not None
    assert answer.candidates[0].clue.label_of is None


def test_a_successor_far_away_is_in_doubt(session: Session) -> None:
    first, *_ = lamps(session)
    far = register(session, *moved(*CORNER, azimuth=90, metres=900))
    replaced(session, first, far)
    answer = submit(session, scanned=first)
    assert (answer.outcome, answer.candidates[0].code) == ("ambiguous", far)
    ((zh, en),) = told(answer)
    assert f"属于{first}，它已被{far}取代" in zh
    assert f"replaced by {far}" in en
    assert "900 m from the reported position" in en


@pytest.mark.parametrize(
    ("state", "zh", "en"),
    [
        ("retired", "已拆除，现无替代它的部件", "which is retired; nothing stands in its place"),
        ("withdrawn", "已撤销登记", "whose registration was withdrawn"),
    ],
)
def test_a_label_of_what_is_gone_is_told(session: Session, state: str, zh: str, en: str) -> None:
    first, second, third = lamps(session)
    alias(session, first, "LD-00122")
    retire(session, first, state)
    answer = submit(session, scanned="LD-00122")
    assert {one.code for one in answer.candidates} == {second, third}
    assert all(one.clue is None for one in answer.candidates)
    assert told(answer)[1] == (
        f"标识“LD-00122”属于{first}，{zh}。",
        f"The label “LD-00122” belongs to {first}, {en}.",
    )
    assert submit(session, scanned="LD-00122").candidates == answer.candidates
    assert len(told(submit(session, text="灯杆LD-00122坏了"))) == 2
    # A tag in a text may be anything: what is gone far away does not count.
    far = register(session, *moved(*CORNER, azimuth=90, metres=900))
    alias(session, far, "ZZ-00900")
    retire(session, far, state)
    assert len(told(submit(session, text="ZZ-00900"))) == 1
    assert len(told(submit(session, scanned="ZZ-00900"))) == 2


def test_a_label_is_followed_as_the_ledger_was_then(session: Session) -> None:
    first, second, _ = lamps(session)
    report = service.submit(
        session,
        NewReport(lon=CORNER[0], lat=CORNER[1], matter="0137", scanned=first),
        reported_by="王巡查",
    )
    assert report.answer.component_code == first
    replaced(session, first, second)
    assert submit(session, scanned=first).component_code == second
    session.execute(
        text(
            "UPDATE reports SET received_at = (SELECT max(made_at) FROM changes) - '1us'::interval"
        )
    )
    assert explain(session, report.id).replay.is_same


def test_parts_are_kept_and_older_answers_are_read_without_them(session: Session) -> None:
    lamps(session)
    answer = submit(session, text="路灯杆123号", reported_at=datetime.now(UTC))
    for one in answer.candidates:
        assert one.likelihood is not None
        assert one.unmapped is not None
        assert one.likelihood > one.unmapped > 0
    old = answer.candidates[0].model_dump(by_alias=True, exclude={"likelihood", "unmapped", "clue"})
    assert type(answer.candidates[0]).model_validate(old).clue is None
