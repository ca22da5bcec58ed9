"""What lies on the other side of a boundary that a position may be across."""

from collections.abc import Sequence

from gis_registry.components.schemas import Names, named
from gis_registry.dispatch.schemas import Claim, Sentence, Side
from gis_registry.places.bordering import Neighbour
from gis_registry.places.service import Place

#: How probable another side must be to make the answer ambiguous.
AMBIGUOUS_FROM = 0.1


def other_sides(place: Place) -> list[Neighbour]:
    """Return the neighbours that are probable enough to be asked for."""
    return [one for one in place.neighbours if one.probability >= AMBIGUOUS_FROM]


def sides(
    place: Place,
    claim: Claim | None,
    others: Sequence[tuple[Neighbour, Claim | None]],
    names: Names,
) -> list[Side]:
    """Return the side that counts and those where another unit is responsible.

    Args:
        place: where the position was found.
        claim: the claim that decides there.
        others: the other sides, each with the claim that would decide there.
        names: Chinese and English names of divisions by code.

    Returns:
        the area of the place first; empty where the same unit is responsible on every side.
    """
    unit = claim.unit if claim else None
    differing = [
        (one, there.unit if there else None)
        for one, there in others
        if (there.unit.code if there else None) != (unit.code if unit else None)
    ]
    if not differing:
        return []
    here = Side(
        division=named(place.division_code, names),
        subdistrict=named(place.subdistrict_code, names) if place.subdistrict_code else None,
        distance_m=round(place.outside_m or 0, 1),
        probability=round(1 - sum(one.probability for one in place.neighbours), 4),
        unit=unit,
    )
    return [
        here,
        *(
            Side(
                division=named(one.division_code, names),
                subdistrict=named(one.subdistrict_code, names) if one.subdistrict_code else None,
                distance_m=round(one.distance_m, 1),
                probability=round(one.probability, 4),
                unit=there,
            )
            for one, there in differing
        ),
    ]


def why(sides: Sequence[Side], accuracy_m: float) -> list[Sentence]:
    """Say for each other side in a sentence how near it is and whose job it would be there."""
    return [_sentence(sides[0], one, accuracy_m) for one in sides[1:]]


def _sentence(here: Side, there: Side, accuracy_m: float) -> Sentence:
    zh, en = _area(here)
    other_zh, other_en = _area(there)
    if here.distance_m:
        in_zh = f"位置在{zh}边界外{here.distance_m:.0f}米"
        in_en = f"The position lies {here.distance_m:.0f} m outside {en}"
    else:
        in_zh, in_en = f"位置在{zh}", f"The position lies in {en}"
    whose_zh = f"由{there.unit.name_zh}负责" if there.unit else "没有单位负责"
    whose_en = f"{there.unit.name_en} would be responsible" if there.unit else "nobody answers"
    return Sentence(
        step="unit",
        zh=f"{in_zh}，距与{other_zh}的边界{there.distance_m:.0f}米，定位误差{accuracy_m:g}米："
        f"也可能属{other_zh}（{there.probability:.0%}），那里{whose_zh}。",
        en=f"{in_en}, {there.distance_m:.0f} m from the boundary of {other_en}, and is accurate to "
        f"{accuracy_m:g} m: it may also be in {other_en} ({there.probability:.0%}), where "
        f"{whose_en}.",
    )


def _area(side: Side) -> tuple[str, str]:
    one = side.subdistrict or side.division
    return one.name_zh, one.name_en
