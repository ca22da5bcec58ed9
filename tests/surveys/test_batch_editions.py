"""Class codes of another edition: by the names beside them, and by what is registered there."""

from collections import Counter

import numpy as np
import pytest
from city_made import context, delivered, joined, registered, streets, surveyed_again
from sqlalchemy.orm import Session

from gis_registry.catalogue import queries as catalogue
from gis_registry.surveys.batch_checks import batch_findings
from gis_registry.surveys.class_names import ClassNames
from gis_registry.surveys.findings import Finding
from gis_registry.surveys.placement import Rows

GBT13, CJT, GBT26 = "gbt30428-2013", "cjt214-2007", "gbt47678-2026"
NONE = delivered(streets(1).take(np.arange(0)))


@pytest.fixture(scope="module")
def editions(shared_database) -> dict[str, ClassNames]:  # type: ignore[no-untyped-def]
    with shared_database.session() as session:
        return names_of(session)


def names_of(session: Session) -> dict[str, ClassNames]:
    names: dict[str, dict[str, tuple[str, str]]] = {}
    for one in catalogue.classes(session):
        names.setdefault(one.edition_key, {})[one.code] = (one.name_zh, one.name_en)
    return dict(names)


def found(editions: dict[str, ClassNames], pairs: dict[tuple[str, str], int]) -> list[Finding]:
    told = context(editions=editions, class_names=pairs)
    return batch_findings(NONE, registered(streets(1).take(np.arange(0))), told)


@pytest.mark.parametrize("language", [0, 1])
def test_codes_of_2007_are_recognised_by_the_names_beside_them(
    editions: dict[str, ClassNames], language: int
) -> None:
    pairs = {(code, names[language]): 50 for code, names in editions[CJT].items()}
    (finding,) = found(editions, pairs)
    assert (finding.check, finding.remedy) == ("wrong-edition", f'edition = "{CJT}" in the mapping')
    assert f"in {CJT} they agree" in finding.sentence


def test_codes_of_2026_are_recognised_by_the_names_beside_them(
    editions: dict[str, ClassNames],
) -> None:
    pairs = {(code, names[0]): 50 for code, names in editions[GBT26].items()}
    (finding,) = found(editions, pairs)
    assert finding.figures["edition"] == GBT26


def test_a_few_classes_of_2007_among_many_that_mean_the_same_are_enough(
    editions: dict[str, ClassNames],
) -> None:
    pairs = Counter({("0101", "上水井盖"): 900, ("0102", "污水井盖"): 900})
    pairs["0118", editions[CJT]["0118"][0]] = 200
    (finding,) = found(editions, pairs)
    assert finding.figures["edition"] == CJT
    assert finding.figures["disagree"] == 200


@pytest.mark.parametrize("key", [GBT13])
def test_names_that_agree_more_or_less_are_no_finding(
    editions: dict[str, ClassNames], key: str
) -> None:
    names = editions[key]
    assert found(editions, {(code, zh): 5 for code, (zh, _) in names.items()}) == []
    assert found(editions, {(code, en.upper()): 5 for code, (_, en) in names.items()}) == []
    assert found(editions, {(code, f" {zh}（新）"): 5 for code, (zh, _) in names.items()}) == []
    assert found(editions, {(code, "一期工程"): 5 for code in names}) == []
    slip = {("0137", "路灯"): 95, ("0137", "电话亭"): 20, ("0101", "上水井盖"): 5}
    assert found(editions, slip) == []


def test_codes_that_fit_no_edition_ask_for_a_mapping(editions: dict[str, ClassNames]) -> None:
    (finding,) = found(editions, {("0137", "行道树"): 100, ("0402", "路灯"): 100})
    assert "edition" not in finding.remedy.split()[0]
    assert "which code each of the file's types is" in finding.remedy


def as_class(rows: Rows, class_id: int) -> Rows:
    return Rows(rows.lon, rows.lat, np.full(len(rows), class_id, np.int32), rows.accuracies_m)


def test_without_names_the_components_that_are_there_tell() -> None:
    """Classes 1 and 2 of the file are what the registry has as 11 and 12."""
    lamps, boxes = streets(1), as_class(streets(2), 2)
    known = registered(joined(as_class(lamps, 11), as_class(boxes, 12)))
    again = surveyed_again(joined(lamps, boxes), 3)
    told = context(read_as={CJT: {1: 11, 2: 12, 3: 3}}, labels={1: "0118 (pit)", 11: "0137 (lamp)"})
    (finding,) = batch_findings(delivered(again), known, told)
    assert (finding.check, finding.figures["edition"]) == ("wrong-edition", CJT)
    assert "0137 (lamp) for 0118 (pit)" in finding.sentence


def test_a_delivery_in_the_right_edition_is_not_doubted() -> None:
    lamps = streets(1)
    known = registered(joined(lamps, as_class(streets(2), 11)))
    told = context(read_as={CJT: {1: 11}})
    assert batch_findings(delivered(surveyed_again(lamps, 3)), known, told) == []
    assert batch_findings(delivered(streets(4)), known, told) == []  # new lamps
