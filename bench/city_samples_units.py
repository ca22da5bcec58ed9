"""Units, responsibilities and responders of the Qingdao sample: made up, and labelled so."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely
from city_samples_divisions import CITY, DISTRICTS
from city_streets import Floats
from city_write import feature, write_geojson

DEPARTMENTS = """市城市管理部门|Urban Management Department
市住房建设部门|Housing and Construction Department
市园林林业部门|Landscaping and Forestry Department
市水务部门|Water Affairs Department
市交通运输部门|Transport Department
市公安部门|Public Security Department
市公安交警部门|Traffic Police Department
市消防救援部门|Fire and Rescue Department
市生态环境部门|Ecology and Environment Department
市气象部门|Meteorological Department
市文化旅游部门|Culture and Tourism Department
市文物部门|Cultural Heritage Department
市市场监管部门|Market Regulation Department
市自然资源规划部门|Natural Resources and Planning Department
市海洋部门|Marine Department
市港航部门|Ports and Shipping Department
市卫生健康部门|Health Department
市教育部门|Education Department
市民政部门|Civil Affairs Department
市体育部门|Sports Department
市工业信息化部门|Industry and Information Department
市通信管理部门|Telecommunications Administration
市应急管理部门|Emergency Management Department
市能源部门|Energy Department
市邮政管理部门|Postal Administration
市广播电视部门|Radio and Television Department
市综合执法部门|Law Enforcement Department
市铁路协调部门|Railway Coordination Office
市商务部门|Commerce Department
市农业农村部门|Agriculture and Rural Affairs Department""".splitlines()
ENTERPRISES = """市供水企业|Water Supply Enterprise
市排水企业|Drainage Enterprise
市再生水企业|Reclaimed Water Enterprise
市供电企业|Power Supply Enterprise
市路灯管理企业|Street Lighting Enterprise
市燃气企业|Gas Enterprise
市供热企业|District Heating Enterprise
市通信企业（甲）|Telecom Enterprise A
市通信企业（乙）|Telecom Enterprise B
市轨道交通企业|Rail Transit Enterprise
市有线电视企业|Cable Television Enterprise
市道路养护企业|Road Maintenance Enterprise
市公交企业|Bus Enterprise
市公共自行车企业|Public Bicycle Enterprise
市停车经营企业|Parking Enterprise
市充电加油企业|Charging and Filling Enterprise
市户外设施经营企业|Street Retail and Advertising Enterprise
市环卫企业|Sanitation Enterprise
市绿化养护企业|Green Space Enterprise
市邮政企业|Postal Enterprise
市输油输气管道企业|Oil and Gas Pipeline Enterprise
市铁路企业|Railway Enterprise
市桥隧管养企业|Bridge and Tunnel Enterprise""".splitlines()
TEAMS = {  # of each district; the key is what `synthesis.csv` names as maintainer
    "water": ("供水服务站", "Water Service Station"),
    "drainage": ("排水养护队", "Drainage Team"),
    "power": ("供电抢修队", "Power Repair Team"),
    "gas": ("燃气抢修队", "Gas Repair Team"),
    "heating": ("供热服务站", "Heating Service Station"),
    "telecom": ("通信维护队", "Telecom Maintenance Team"),
    "lighting": ("路灯维护队", "Lighting Maintenance Team"),
    "road": ("市政道路养护队", "Road Maintenance Team"),
    "traffic": ("交通设施维护队", "Traffic Facility Team"),
    "sanitation": ("环卫作业队", "Sanitation Team"),
    "greening": ("园林养护队", "Greening Team"),
    "enforcement": ("综合行政执法大队", "Law Enforcement Brigade"),
}
CREWS = (
    ("sanitation", "环卫作业", "Sanitation Crew", 8),
    ("greening", "园林养护", "Greening Crew", 5),
    ("drainage", "排水养护", "Drainage Crew", 3),
    ("road", "道路养护", "Road Crew", 3),
    ("lighting", "路灯维护", "Lighting Crew", 2),
)
NUMERALS = "一二三四五六七八"
BY_BRIGADE = ("06001", "06002", "06003", "06008", "06027", "06028", "06045", "07003", "07006",
              "08001", "08002", "08003", "08004", "08016")  # fmt: skip
BY_SQUAD = ("06007", "06029", "07001", "09001", "09005", "09006")  # subdistrict squads
BY_TEAM = {
    "sanitation": ("06010", "06011", "06012", "06014", "06037", "06041", "06042", "10001"),
    "greening": ("06017", "06018", "06021", "06022"),
    "road": ("06013", "06049", "06050", "06051"),
    "traffic": ("06016", "09009"),
    "drainage": ("06025", "06026", "06030"),
}
START, HANDOVER = "2020-01-01", "2023-01-01"
UNIT_COLUMNS = (
    "code", "parent_code", "kind", "name_zh", "name_en", "division_code", "is_synthetic",
)  # fmt: skip
FACT_COLUMNS = (
    "unit_code", "role", "component_code", "class_code", "matter_code", "division_code",
    "valid_from", "valid_to", "note",
)  # fmt: skip


@dataclass(frozen=True)
class Unit:
    """One line of units.csv."""

    code: str
    parent_code: str
    kind: str
    name_zh: str
    name_en: str
    division_code: str
    is_synthetic: bool = True

    def line(self) -> list[str]:
        """The values in the order of the file."""
        values = [getattr(self, name) for name in UNIT_COLUMNS[:-1]]
        return [*values, str(self.is_synthetic).lower()]


def team_code(district: str, team: str) -> str:
    """Code of the team of a district."""
    return f"QD-G-{district}-T{list(TEAMS).index(team) + 1:02d}"


def all_units(subdistricts: list[tuple[str, str, str, str]]) -> list[Unit]:
    """676 units, parents first.

    Args:
        subdistricts: code, district code, Chinese and English name of each.
    """
    centre = "QD-CC"
    units = [
        Unit(centre, "", "city_centre", "青岛市城市运行管理服务中心（示例）",
             "Qingdao Urban Operation Centre (example)", CITY[0])
    ]  # fmt: skip
    for code, (name, english) in DISTRICTS.items():
        units.append(
            Unit(f"QD-D-{code}", centre, "district_centre", f"{name}城市运行管理服务中心（示例）",
                 f"{english} Urban Operation Centre (example)", code)
        )  # fmt: skip
    for number, text in enumerate([*DEPARTMENTS, *ENTERPRISES], start=1):
        name, english = text.split("|")
        kind = "department" if number <= len(DEPARTMENTS) else "enterprise"
        units.append(
            Unit(f"QD-E-{number:02d}", centre, kind, f"{name}（示例）",
                 f"Municipal {english} (example)", CITY[0])
        )  # fmt: skip
    for code, district, name, english in subdistricts:
        office, english_office = office_name(name, english)
        units.append(
            Unit(f"QD-G-{code}", f"QD-D-{district}", "grassroots", office, english_office, code,
                 is_synthetic=False)
        )  # fmt: skip
    for district, (name, english) in DISTRICTS.items():
        for key, (team, english_team) in TEAMS.items():
            units.append(
                Unit(team_code(district, key), f"QD-D-{district}", "grassroots",
                     f"{name}{team}（示例）", f"{english} {english_team} (example)", district)
            )  # fmt: skip
        for key, crew, english_crew, count in CREWS:
            team = team_code(district, key)
            units += [
                Unit(f"{team}-{nth:02d}", team, "grassroots",
                     f"{name}{crew}{NUMERALS[nth - 1]}班（示例）",
                     f"{english} {english_crew} {nth} (example)", district)
                for nth in range(1, count + 1)
            ]  # fmt: skip
    for code, district, name, english in subdistricts:
        units.append(
            Unit(f"QD-G-{code}-ZF", team_code(district, "enforcement"), "grassroots",
                 f"{name}综合行政执法中队（示例）", f"{english} Law Enforcement Squad (example)",
                 code)
        )  # fmt: skip
    return units


def office_name(name: str, english: str) -> tuple[str, str]:
    """The office that runs a subdistrict, a town or a zone."""
    if name.endswith("街道"):
        return f"{name}办事处", f"{english} Office"
    if name.endswith("镇"):
        return f"{name}人民政府", f"{english} Government"
    return f"{name}管理委员会", f"{english} Administrative Committee"


def write_units(out: Path, subdistricts: list[tuple[str, str, str, str]]) -> list[Unit]:
    """`units.csv`."""
    units = all_units(subdistricts)
    with (out / "units.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(UNIT_COLUMNS)
        writer.writerows(unit.line() for unit in units)
    return units


Fact = tuple[str, str, str, str, str, str, str, str]  # a line without component_code


def write_responsibilities(
    out: Path, subdistricts: list[tuple[str, str, str, str]], rules: list[dict[str, str]]
) -> int:
    """`responsibilities.csv`; returns the number of facts."""
    facts = class_facts(rules)
    for district in DISTRICTS:
        for matter in BY_BRIGADE:
            facts.append(area_fact(team_code(district, "enforcement"), matter, district))
        for team, matters in BY_TEAM.items():
            facts += [area_fact(team_code(district, team), m, district) for m in matters]
        facts.append(area_fact(f"QD-D-{district}", "", district, "本区兜底（合成）"))
    for code, *_ in subdistricts:
        facts += [area_fact(f"QD-G-{code}-ZF", matter, code) for matter in BY_SQUAD]
        facts.append(area_fact(f"QD-G-{code}", "", code, "属地责任（合成）"))
    every_matter = sorted({*BY_BRIGADE, *BY_SQUAD})
    facts += [("QD-E-27", "supervisor", "", m, CITY[0], START, "", "合成") for m in every_matter]
    with (out / "responsibilities.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(FACT_COLUMNS)
        writer.writerows((unit, role, "", *rest) for unit, role, *rest in facts)
    return len(facts)


def area_fact(unit: str, matter: str, division: str, note: str = "合成") -> Fact:
    """Who handles a matter (or, if empty, everything) in an area."""
    return (unit, "maintainer", "", matter, division, START, "", note)


def class_facts(rules: list[dict[str, str]]) -> list[Fact]:
    """Supervisor and owner of each class in the city, maintainer by district where there is one.

    Lighting and sanitation were maintained by the city's enterprise until the districts took
    over: those facts have ended and stay readable.
    """
    facts: list[Fact] = []
    for rule in rules:
        code, maintainer = rule["class_code"], rule["maintainer"]
        facts += [
            (rule[role], role, code, "", CITY[0], START, "", "合成")
            for role in ("supervisor", "owner")
        ]
        if maintainer not in TEAMS:
            facts.append((maintainer, "maintainer", code, "", CITY[0], START, "", "合成"))
            continue
        handed_over = maintainer in ("lighting", "sanitation")
        if handed_over:
            note = "合成：2023 年起移交各区"
            facts.append((rule["owner"], "maintainer", code, "", CITY[0], START, HANDOVER, note))
        since = HANDOVER if handed_over else START
        for district in DISTRICTS:
            team = team_code(district, maintainer)
            facts.append((team, "maintainer", code, "", district, since, "", "合成"))
    return facts


def write_responders(out: Path, units: list[Unit], places: dict[str, Floats]) -> int:
    """`responders.geojson`: a station for every team, crews on the road.

    Args:
        out: folder of the profile.
        units: from `write_units`.
        places: per district, (lon, lat) of places where somebody can stand, in any order.

    Returns:
        The number of responders.
    """
    rng = np.random.default_rng([7, 21])
    features = []
    for unit in units:
        district = unit.division_code[:6]
        parts = unit.code.split("-")
        is_team, is_crew = len(parts) == 4 and parts[3][0] == "T", len(parts) == 5
        is_squad = unit.code.endswith("-ZF") and rng.random() < 0.14
        if not (is_team or is_squad or (is_crew and rng.random() < 0.55)):
            continue
        lon, lat = places[district][rng.integers(len(places[district]))]
        kind = "station" if is_team else "crew"
        name = unit.name_zh.removesuffix("（示例）")
        english = unit.name_en.removesuffix(" (example)")
        word, english_word = ("驻点", "base") if is_team else ("机动组", "mobile crew")
        properties: dict[str, object] = {
            "code": unit.code.replace("QD-G-", "QD-R-"),
            "unit_code": unit.code,
            "name_zh": f"{name}{word}（示例）",
            "name_en": f"{english} {english_word} (example)",
            "kind": kind,
            "is_available": bool(rng.random() > (0.05 if is_team else 0.16)),
            "is_synthetic": True,
        }
        features.append(feature(properties, shapely.Point(lon, lat), digits=7))
    write_geojson(out / "responders.geojson", iter(features))
    return len(features)
