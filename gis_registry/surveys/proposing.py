"""Proposing a mapping: what a file's columns probably are, from their names and their values.

Every guess says why it was made and how sure it is. What is only possible is written as a comment:
a mapping declares, and nobody should declare what a program merely thinks.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, JsonValue

from gis_registry.catalogue.shipped import ShippedEdition, shipped_editions
from gis_registry.surveys.conversion import as_texts
from gis_registry.surveys.coordinates import plain_name
from gis_registry.surveys.mapping import CANONICAL
from gis_registry.tabular import read_csv

_NAMES = Path(__file__).parent / "data" / "field_names.csv"
_MOST = 0.9  # so many of the values must fit before anything is concluded from them
_MAX_CLASSES = 500
_MAX_OWNERS = 30
_DATE_FORMATS = ("%Y-%m-%d", "%Y%m%d", "%Y/%m/%d", "%d.%m.%Y", "%m/%d/%Y", "%Y年%m月%d日")
#: Formats of dates that are read without being declared.
_PLAIN_FORMATS = {"%Y-%m-%d", "%Y%m%d", "%Y/%m/%d"}
_LENGTH = re.compile(r"^(.+?)[_\s(（]*(mm|cm|dm|km|ft|毫米|厘米|分米)[)）]*$", re.IGNORECASE)
_YEAR = re.compile(r"^(19|20)\d\d$", re.ASCII)
_CHINESE_LENGTHS = {"毫米": "mm", "厘米": "cm", "分米": "dm"}

Texts = list[str]


class Certainty(StrEnum):
    """How sure a guess is."""

    CERTAIN = "certain"
    LIKELY = "likely"
    POSSIBLE = "possible"


class Guess(BaseModel):
    """One line of a proposed mapping: its key (dotted), its value, and the grounds for it."""

    key: str
    value: JsonValue
    reason: str
    certainty: Certainty


@dataclass
class _Proposal:
    """Guesses as they are made: each column is used, and each key given, once."""

    texts: dict[str, Texts]
    guesses: list[Guess] = field(default_factory=list)
    used: set[str] = field(default_factory=set)

    def add(
        self,
        key: str,
        value: JsonValue,
        reason: str,
        certainty: Certainty,
        column: str | None = None,
    ) -> None:
        """Add a guess, unless its key is given or its column used already."""
        if column in self.used or any(one.key == key for one in self.guesses):
            return
        if column is not None and certainty is not Certainty.POSSIBLE:
            self.used.add(column)
        self.guesses.append(Guess(key=key, value=value, reason=reason, certainty=certainty))

    def free(self) -> Iterable[str]:
        """Return the columns that no guess has used."""
        return [one for one in self.texts if one not in self.used]


def propose(sample: pa.Table) -> list[Guess]:
    """Propose what the columns of a file are.

    Args:
        sample: the first rows of the file under its own names of columns.

    Returns:
        Guesses in the order of a mapping's parts.
    """
    proposal = _Proposal({name: _texts(sample[name]) for name in sample.column_names})
    meanings = _meanings(proposal.texts)
    for name in proposal.texts:
        if name in CANONICAL and name != "class_code":
            proposal.used.add(name)  # it speaks for itself
    _propose_identifier(proposal, meanings)
    _propose_class(proposal, meanings)
    _propose_units(proposal, meanings)
    _propose_date(proposal, meanings)
    _propose_others(proposal, meanings)
    _propose_lengths(proposal)
    return proposal.guesses


def _propose_identifier(proposal: _Proposal, meanings: dict[str, tuple[str, str]]) -> None:
    """Find a column of 16- or 17-digit identifiers whose digits make sense."""
    for name in proposal.free():
        values = proposal.texts[name]
        for edition in reversed(shipped_editions()):
            wanted = 12 + edition.class_digits
            fits = _share(
                values,
                lambda one, e=edition, n=wanted: (  # type: ignore[misc]
                    len(one) == n and one.isdecimal() and one[6 : 6 + e.class_digits] in e.names
                ),
            )
            if fits < _MOST:
                continue
            reason = f"{fits:.0%} of its values are {wanted}-digit identifiers of {edition.key}"
            proposal.add("columns.identifier", name, reason, Certainty.CERTAIN, name)
            divisions = sorted({one[:6] for one in values if len(one) == wanted})
            proposal.add(
                "coverage",
                list(divisions),
                "the divisions in the identifiers; keep it only if all of them were surveyed",
                Certainty.POSSIBLE,
            )
            return
    for name, (meaning, why) in meanings.items():
        if meaning == "columns.identifier":
            # Another program's numbers under a name that the standard uses for identifiers.
            reason = f"{why}, but its values are no identifiers, so it may be a key"
            proposal.add("columns.source_key", name, reason, Certainty.LIKELY, name)


def _propose_class(proposal: _Proposal, meanings: dict[str, tuple[str, str]]) -> None:
    """Find the column of class codes, or of class names, and the edition in which they agree."""
    by_code, by_name = _class_columns(proposal)
    named = next((one for one, (meaning, _) in meanings.items() if meaning == "class.field"), None)
    by_code = {
        name: editions
        for name, editions in by_code.items()
        if name == named
        or not _are_years(proposal.texts[name])
        or _edition_of(proposal, name, editions, by_name)[1] >= _MOST
    }
    if by_code:
        name = named if named in by_code else next(iter(by_code))
        edition, agreeing, reason = _edition_of(proposal, name, by_code[name], by_name)
        sure = Certainty.POSSIBLE  # 137 may be any number
        if name == named or agreeing >= _MOST:
            sure = Certainty.CERTAIN
        elif all(len(one) == edition.class_digits for one in proposal.texts[name] if one):
            sure = Certainty.LIKELY
        proposal.add("class.field", name, reason, sure, name)
        is_told = agreeing >= _MOST or len(by_code[name]) == 1
        proposal.add("edition", edition.key, reason, sure if is_told else Certainty.POSSIBLE)
    elif by_name:
        name = named if named in by_name else next(iter(by_name))
        edition = by_name[name][0]
        codes = {zh: code for code, zh in edition.names.items()}
        seen = sorted(set(proposal.texts[name]) & set(codes))
        reason = f"its values are names of classes in {edition.key}"
        proposal.add("edition", edition.key, reason, Certainty.LIKELY)
        proposal.add("class.field", name, reason, Certainty.LIKELY, name)
        table: JsonValue = {one: codes[one] for one in seen}
        proposal.add(
            "class.values", table, f"the codes of these names in {edition.key}", Certainty.LIKELY
        )
        return
    elif named is not None:
        reason = f"{meanings[named][1]}, but its values are no codes of a known edition"
        proposal.add("class.field", named, reason, Certainty.POSSIBLE)
        values: JsonValue = dict.fromkeys(sorted(set(proposal.texts[named]))[:_MAX_OWNERS], "…")
        proposal.add("class.values", values, "put a class code beside each", Certainty.POSSIBLE)
    names = [one for one in proposal.free() if one in by_name]
    if names and "class_name" not in proposal.texts:
        reason = "its values are names of classes"
        proposal.add("columns.class_name", names[0], reason, Certainty.CERTAIN, names[0])


def _class_columns(
    proposal: _Proposal,
) -> tuple[dict[str, list[ShippedEdition]], dict[str, list[ShippedEdition]]]:
    """Return the columns of class codes and those of class names, with the editions they fit."""
    by_code: dict[str, list[ShippedEdition]] = {}
    by_name: dict[str, list[ShippedEdition]] = {}
    for name, values in proposal.texts.items():
        if len(set(values)) > _MAX_CLASSES:
            continue
        for edition in shipped_editions():
            names = set(edition.names.values())
            if _share(values, lambda one, e=edition: _code(one, e) in e.names) >= _MOST:  # type: ignore[misc]
                by_code.setdefault(name, []).append(edition)
            if _share(values, lambda one, known=names: one in known) >= _MOST:  # type: ignore[misc]
                by_name.setdefault(name, []).append(edition)
    return by_code, by_name


def _edition_of(
    proposal: _Proposal,
    column: str,
    editions: list[ShippedEdition],
    by_name: dict[str, list[ShippedEdition]],
) -> tuple[ShippedEdition, float, str]:
    """Choose the edition in which most codes agree with the names beside them; return the share."""
    codes = proposal.texts[column]
    beside = next((one for one in by_name if one != column), None)
    if beside is None:
        keys = ", ".join(one.key for one in editions)
        return editions[-1], 0.0, f"its values are class codes of {keys}"
    pairs = set(zip(codes, proposal.texts[beside], strict=True)) if codes else set()
    pairs = {(code, name) for code, name in pairs if code and name}

    def agreeing(edition: ShippedEdition) -> int:
        return sum(edition.names.get(_code(code, edition)) == name for code, name in pairs)

    best = max(reversed(editions), key=agreeing)
    agree = f"{agreeing(best)} of {len(pairs)} different codes agree with the names in {beside}"
    reason = f"its values are class codes of {best.key}, and {agree}"
    return best, agreeing(best) / len(pairs) if pairs else 0.0, reason


def _propose_units(proposal: _Proposal, meanings: dict[str, tuple[str, str]]) -> None:
    """Find the columns of the three roles: codes first, and names where there are no codes."""
    owners: dict[str, JsonValue] = {}
    for kind in ("columns.", "names."):
        for name, (meaning, why) in meanings.items():
            role = meaning.removeprefix(kind)
            key = f"columns.{role}"
            if not meaning.startswith(kind) or not role.endswith("_code") or role in proposal.texts:
                continue
            if any(one.key == key for one in proposal.guesses) or not any(proposal.texts[name]):
                continue
            # Names say nothing before each has a unit's code beside it.
            sure = Certainty.LIKELY if kind == "columns." else Certainty.POSSIBLE
            proposal.add(key, name, why, sure, name)
            if kind == "names.":
                values = sorted({one for one in proposal.texts[name] if one})
                owners |= dict.fromkeys(values[:_MAX_OWNERS], "…")
    if owners:
        reason = "put the code of a unit beside each name: gis-registry units list"
        proposal.add("owners", owners, reason, Certainty.POSSIBLE)


def _propose_date(proposal: _Proposal, meanings: dict[str, tuple[str, str]]) -> None:
    """Find the day of the survey: of the last change if that is filled, else the first."""
    if "surveyed_on" in proposal.texts:
        return
    found: list[tuple[float, str, str, str]] = []
    for name in proposal.free():
        values = [one for one in proposal.texts[name] if one]
        style = next((one for one in _DATE_FORMATS if _share(values, _fits(one)) >= _MOST), None)
        meaning, why = meanings.get(name, ("", ""))
        if style is not None and values:
            filled = len(values) / len(proposal.texts[name])
            rank = {"dates.changed": 2.0, "dates.first": 1.0}.get(meaning, 0.0)
            found.append((rank if filled >= 0.5 else rank / 10, name, why, style))
    if not found:
        return
    rank, name, why, style = max(found, key=lambda one: one[0])
    reason = f"{why or 'its values are dates'}, filled as {style}"
    sure = Certainty.LIKELY if rank else Certainty.POSSIBLE
    proposal.add("columns.surveyed_on", name, reason, sure, name)
    if style not in _PLAIN_FORMATS:
        proposal.add("date_formats", [style], f"how {name} writes days", sure)


def _propose_others(proposal: _Proposal, meanings: dict[str, tuple[str, str]]) -> None:
    """Take the rest by name: keys, aliases, names of attributes, what the registry derives."""
    rename: dict[str, JsonValue] = {}
    derived: list[JsonValue] = []
    for name, (meaning, why) in meanings.items():
        if name in proposal.used:
            continue
        if meaning.startswith("attributes."):
            target = meaning.removeprefix("attributes.")
            if name != target and target not in proposal.texts and target not in rename.values():
                rename[name] = target
        elif meaning == "derived":
            derived.append(name)
        elif meaning in {"columns.source_key", "columns.accuracy_m"} or meaning[:8] == "aliases.":
            proposal.add(meaning, name, why, Certainty.LIKELY, name)
    if rename:
        reason = "names of the standard and of older systems in plain words"
        proposal.add("attributes.rename", rename, reason, Certainty.LIKELY)
    if derived:
        reason = "the registry works this out from the position"
        proposal.add("attributes.ignore", derived, reason, Certainty.LIKELY)


def _propose_lengths(proposal: _Proposal) -> None:
    """Find columns whose name says a unit of length other than the metre."""
    for name in proposal.free():
        match = _LENGTH.match(name)
        if match is None or _share(proposal.texts[name], _is_number) < _MOST:
            continue
        unit = _CHINESE_LENGTHS.get(match[2], match[2].lower())
        value: JsonValue = {name: {"from": unit, "to": "m"}}
        reason = f"its name says {unit}; rename it too, such as to {match[1]}_m"
        proposal.add("attributes.units", value, reason, Certainty.POSSIBLE)


@cache
def _known_names() -> dict[str, tuple[str, str]]:
    rows = read_csv(_NAMES, {"name", "meaning", "origin"})
    return {row.required("name"): (row.required("meaning"), row.required("origin")) for row in rows}


def _meanings(texts: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return what the columns are by their names, with the reason; the others are left out."""
    origins = {
        "standard": "its name is the standard's",
        "legacy": "its name is known from older systems",
        "project": "its name says so",
    }
    found = {name: _known_names().get(plain_name(name)) for name in texts}
    return {name: (one[0], origins[one[1]]) for name, one in found.items() if one is not None}


def _texts(column: pa.ChunkedArray) -> Texts:
    """Return values as texts, empty where there is none."""
    try:
        texts = pc.fill_null(pc.utf8_trim_whitespace(as_texts(column)), "")
    except pa.ArrowNotImplementedError:  # lists and the like
        return [""] * len(column)
    return [str(one) for one in texts.to_pylist()]


def _share(values: Texts, fits: Callable[[str], bool]) -> float:
    """Return which share of the values that are there fit."""
    counts: dict[str, int] = {}
    for one in values:
        if one:
            counts[one] = counts.get(one, 0) + 1
    total = sum(counts.values())
    return sum(count for one, count in counts.items() if fits(one)) / total if total else 0.0


def _code(text: str, edition: ShippedEdition) -> str:
    """Return a class code with the leading zeros that a number has lost."""
    return text.zfill(edition.class_digits) if text.isdecimal() and len(text) >= 3 else text


def _are_years(values: Texts) -> bool:
    """Return whether values read as years: 2014 is one, and the class 02014 without its zero."""
    return _share(values, lambda one: _YEAR.match(one) is not None) >= _MOST


def _fits(style: str) -> Callable[[str], bool]:
    def is_date(text: str) -> bool:
        try:
            year = datetime.strptime(text, style).year  # noqa: DTZ007  a day, not a moment
        except ValueError:
            return False
        return 1900 <= year < 2200

    return is_date


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
