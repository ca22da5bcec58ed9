"""The order of precedence told rung by rung: what was considered, which claim won, and why."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from gis_registry.components.schemas import Names
from gis_registry.dispatch.precedence import FOR_COMPONENTS, FOR_PLACES, Basis
from gis_registry.dispatch.schemas import Claim, ResponsibleUnit, Rung, Side
from gis_registry.dispatch.service import ROLE_ZH
from gis_registry.places import queries as places

BASIS_LABEL = {
    Basis.COMPONENT: ("责任台账对该部件的指定", "a dated fact for this very component"),
    Basis.RECORDED_MAINTAINER: ("部件档案的养护单位", "the maintainer in the component's record"),
    Basis.RECORDED_OWNER: ("部件档案的权属单位", "the owner in the component's record"),
    Basis.CLASS_AND_AREA: ("该类部件在当地", "the class in the area"),
    Basis.CLASS: ("该类部件在全市", "the class in the whole city"),
    Basis.MATTER_AND_AREA: ("该类事项在当地", "the matter in the area"),
    Basis.MATTER: ("该类事项在全市", "the matter in the whole city"),
    Basis.AREA: ("属地", "whoever has the area"),
    Basis.BY_HAND: ("人工指派", "assigned by hand"),
}
_OF_ONE_COMPONENT = {Basis.COMPONENT, Basis.RECORDED_MAINTAINER, Basis.RECORDED_OWNER}


def rungs(
    session: Session,
    responsible: ResponsibleUnit,
    *,
    is_about_components: bool,
    is_component_known: bool,
) -> list[Rung]:
    """Return every rung of the order of precedence with the claims that fell under it.

    Args:
        session: open transaction, in which areas are named.
        responsible: what was decided.
        is_about_components: whether the order for components applied, or that for places.
        is_component_known: whether the very component was known.
    """
    deciding = responsible.claim
    claims = [deciding, *responsible.others] if deciding is not None else []
    returned = responsible.returned
    names = places.division_names(
        session, {one.division_code for one in (*claims, *returned) if one.division_code}
    )
    told = []
    for number, basis in enumerate(FOR_COMPONENTS if is_about_components else FOR_PLACES, start=1):
        here = [one for one in claims if one.basis == basis]
        passed_over = [one for one in returned if one.basis == basis]
        is_deciding = bool(here) and here[0] is deciding
        if basis in _OF_ONE_COMPONENT and not is_component_known:
            zh, en = "不适用：尚不知是哪个部件", "does not apply, which component is not known"
        elif not here:
            zh, en = ("无其他单位", "nobody else") if passed_over else ("无单位", "nobody")
        elif is_deciding:
            zh, en = _why_first(here, names)
            across_zh, across_en = _across(responsible.sides)
            zh, en = f"{zh}{across_zh}", f"{en}{across_en}"
        else:
            zh = f"{'、'.join(_said_zh(one, names) for one in here)}；前面的层级已定"
            en = f"{', '.join(_said_en(one, names) for one in here)}; an earlier step decides"
        if passed_over:
            zh = f"{'、'.join(_said_zh(one, names) for one in passed_over)}已退回；{zh}"
            en = f"{', '.join(_said_en(one, names) for one in passed_over)} returned it; {en}"
        label_zh, label_en = BASIS_LABEL[basis]
        told.append(
            Rung(
                step="unit",
                basis=basis,
                claims=here,
                is_deciding=is_deciding,
                zh=f"第{number}级，{label_zh}：{zh}。",
                en=f"Step {number}, {label_en}: {en}.",
            )
        )
    return told


def _why_first(claims: Sequence[Claim], names: Names) -> tuple[str, str]:
    """Say that the first claim decides, and what puts it before the next one."""
    first = claims[0]
    zh, en = f"由{_said_zh(first, names)}负责", f"{_said_en(first, names)} decides"
    later = [one for one in claims if one.unit.code != first.unit.code]
    if not later:
        return zh, en
    because_zh, because_en = _difference(first, later[0])
    others_zh = "、".join(_said_zh(one, names) for one in later)
    others_en = ", ".join(_said_en(one, names) for one in later)
    return f"{zh}，先于{others_zh}：{because_zh}", f"{en}, before {others_en}: {because_en}"


def _across(sides: Sequence[Side]) -> tuple[str, str]:
    """Say who would be responsible on the other sides of a boundary nearby."""
    zh, en = "", ""
    for one in sides[1:]:
        area = one.subdistrict or one.division
        zh += f"；若在{area.name_zh}（{one.probability:.0%}）则"
        zh += f"由{one.unit.name_zh}负责" if one.unit else "无单位"
        en += f"; if it is in {area.name_en} ({one.probability:.0%}), "
        en += f"{one.unit.name_en} does" if one.unit else "nobody does"
    return zh, en


def _difference(first: Claim, second: Claim) -> tuple[str, str]:
    if first.division_code != second.division_code:
        return "其范围较小", "its area is the smaller one"
    if first.is_for_matter != second.is_for_matter:
        return "其专管该类事项", "its fact is for this kind of matter"
    if first.role != second.role:
        return (
            f"{ROLE_ZH[first.role]}先于{ROLE_ZH[second.role]}",
            f"the {first.role} comes before the {second.role}",
        )
    if first.valid_from != second.valid_from:
        return "其责任记录较新", "its fact is the newer one"
    return "二者同等，按单位编码取先", "both weigh the same, so the first unit code is taken"


def _said_zh(claim: Claim, names: Names) -> str:
    since = f"自{claim.valid_from}起" if claim.valid_from else ""
    facts = (ROLE_ZH[claim.role], _area(claim, names)[0], since)
    return f"{claim.unit.name_zh}（{'，'.join(one for one in facts if one)}）"


def _said_en(claim: Claim, names: Names) -> str:
    since = f"since {claim.valid_from}" if claim.valid_from else ""
    facts = (claim.role, _area(claim, names)[1], since)
    return f"{claim.unit.name_en} ({', '.join(one for one in facts if one)})"


def _area(claim: Claim, names: Names) -> tuple[str, str]:
    code = claim.division_code
    return names.get(code, (code, code)) if code else ("", "")
