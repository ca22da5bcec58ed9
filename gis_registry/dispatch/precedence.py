"""The one order in which claims of responsibility are weighed.

For a component its own people come first and the area second (先属主、后属地); for any other matter
the matter's rule in the area comes first, then whoever answers for the area. Among equals the
smaller area wins, then the fact for this kind of matter, then the one who does the work, then the
newer fact.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum

from gis_registry.dispatch.schemas import Claim


class Basis(StrEnum):
    """What a claim rests on."""

    COMPONENT = "component"
    RECORDED_MAINTAINER = "recorded_maintainer"
    RECORDED_OWNER = "recorded_owner"
    CLASS_AND_AREA = "class_and_area"
    CLASS = "class"
    MATTER_AND_AREA = "matter_and_area"
    MATTER = "matter"
    AREA = "area"
    BY_HAND = "by_hand"  # outside the order: a dispatcher gave the case to the unit


FOR_COMPONENTS: Sequence[Basis] = (
    Basis.COMPONENT,
    Basis.RECORDED_MAINTAINER,
    Basis.RECORDED_OWNER,
    Basis.CLASS_AND_AREA,
    Basis.CLASS,
    Basis.MATTER_AND_AREA,
    Basis.MATTER,
    Basis.AREA,
)
FOR_PLACES: Sequence[Basis] = (Basis.MATTER_AND_AREA, Basis.MATTER, Basis.AREA)

#: Who does the work comes before who owns it, and that before who supervises.
ROLES = ("maintainer", "owner", "supervisor")


def in_order(
    claims: Iterable[Claim], *, order: Sequence[Basis], areas: Sequence[str]
) -> list[Claim]:
    """Return the claims that count, the deciding one first.

    Args:
        claims: claims of units.
        order: bases that count, the strongest first.
        areas: division codes that the place lies in, the smallest first.
    """
    strength = {basis.value: n for n, basis in enumerate(order)}

    def key(claim: Claim) -> tuple[int, int, bool, int, int, str]:
        area = claim.division_code
        return (
            strength[claim.basis],
            areas.index(area) if area in areas else len(areas),
            not claim.is_for_matter,
            ROLES.index(claim.role),
            -(claim.valid_from.toordinal() if claim.valid_from else 0),
            claim.unit.code,
        )

    return sorted((one for one in claims if one.basis in strength), key=key)
