"""What a report says of its component besides the place: labels scanned or written, and numbers.

A label (an identifier, a tag, a key, the address in a QR code) is looked up in the whole registry.
A number beside words is held only against what is written on the components around: it speaks for
the one that it fits as much as it would fit by chance seldom, and against its neighbours that have
another number. A number that fits none of them may be anything, and says nothing.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from gis_registry.components.identifiers import identifier_in, in_address


class ClueKind(StrEnum):
    """Where a clue comes from."""

    SCANNED = "scanned"
    WRITTEN = "written"
    NUMBER = "number"


@dataclass(frozen=True)
class Clue:
    """Something said that fits a component, and how many times likelier that makes it.

    ``matched`` names what it fits: the kind of alias, or an attribute. ``is_doubtful``: the
    component stands too far away, or is of a class that the matter is not about. ``label_of``: the
    label belongs to this one, whose place the component took.
    """

    kind: ClueKind
    said: str
    matched: str
    odds: float
    is_doubtful: bool = False
    label_of: str | None = None


@dataclass(frozen=True)
class Gone:
    """A label of a component that stands no more, and in whose place nothing stands."""

    said: str
    code: str
    is_withdrawn: bool


@dataclass(frozen=True)
class Token:
    """A number or code in a text; ``is_labelled``: words beside it say that it is one."""

    text: str
    is_labelled: bool

    @property
    def key(self) -> str:
        """What it is compared by."""
        return key_of(self.text)

    @property
    def is_specific(self) -> bool:
        """Whether it is worth looking for in the whole registry."""
        key = self.key
        digits = sum(one.isdigit() for one in key)
        return digits >= 6 or (len(key) >= 5 and digits >= 2 and not self.text.isdigit())


@dataclass(frozen=True)
class Label:
    """What may be known as a label of a component anywhere, as text and as an identifier.

    ``inner`` is what an address ends in, if it is one of ours; ``is_sure``: it is no chance.
    """

    kind: ClueKind
    text: str
    inner: str
    code: str | None
    is_sure: bool

    @property
    def odds(self) -> float:
        """How many times likelier it makes the component that has it."""
        return _LABEL_ODDS[self.kind]


@dataclass(frozen=True)
class Said:
    """What a report says: labels to look up anywhere, and the numbers in its text."""

    labels: tuple[Label, ...] = ()
    tokens: tuple[Token, ...] = ()


@dataclass(frozen=True)
class Fit:
    """A token beside one component: how many times likelier it makes it, and what it fits."""

    odds: float = 1.0
    token: Token | None = None
    name: str = ""


#: How often a label that stands for a component was read off it and not off another.
_LABEL_ODDS = {ClueKind.SCANNED: 1e6, ClueKind.WRITTEN: 1e5}
#: However long a number, so often it fits by chance: numbers run along streets.
_CHANCE = 1e-4
#: How often a token that could be the component's number is it: a whole code; a number that words
#: call one; any other number.
_IS_CODE, _IS_LABELLED, _IS_NUMBER = 0.95, 0.9, 0.3
#: So many codes and labels of a report are looked at.
_MOST_TOKENS = 10
#: A value tells components apart if so many of those that have one have a value of their own.
_DISTINCT = 0.8

_SEPARATORS = re.compile(r"[\s\u00ad\u200b-\u200f\u2010-\u2015\u2060\u2212\ufeff_.,、·・/~-]+")
_DIGIT = re.compile(r"[\d〇零一二三四五六七八九十]")
_IDENTIFIER = re.compile(r"(?<!\d)\d{16,17}(?!\d)", re.ASCII)
_MEASURES = (
    "盏|个|处|根|米|公里|厘米|天|日|点|时|分|秒|年|月|周|元|楼|层|次|岁|人|辆|条|块|瓦|伏|度|度角|℃|%|"
    "m|cm|km|mm|w|v|kv|days?|hours?|minutes?|years?|weeks?|meters?|metres?|feet|ft|am|pm|times?|"
    "lights?|lamps?"
)
#: What numbers are not: times, dates, telephones, house numbers, measures.
_OTHER = [
    re.compile(pattern, re.IGNORECASE | re.ASCII)
    for pattern in (
        r"(?:19|20)\d\d[-/.年]\d{1,2}(?:[-/.月]\d{1,2}日?)?",
        r"\d{1,2}月\d{1,2}[日号]?",
        r"\d{1,2}[号日](?=早|晚|上午|下午|中午|凌晨|夜|开始|起|以来|至今)",
        r"\d{1,2}[:：]\d\d(?::\d\d)?",
        r"(?<![\d-])(?:\+?86[- ]?)?1[3-9]\d{9}(?!\d)",
        r"(?<![\d-])0\d{2,3}[- ]\d{7,8}(?!\d)",
        r"(?<!\d)\d{3}[- ]\d{3}[- ]\d{4}(?!\d)",
        r"(?<=[路街道巷弄里段村])\d+(?:-\d+)?号(?!\s*[路杆灯井箱柱桶牌亭栓桩盖树柜])",
        r"\d+(?:号楼|号院|号店|号门|单元|室|栋|幢|弄|路公交|路车|号线)",
        r"\b\d+\s+(?:[a-z]+\s+){1,3}(?:st|street|ave|avenue|rd|road|ln|lane|dr|drive|way|pl|sq)\b",
        r"\d+\.\d+(?![\w.-])",
        rf"(?<![\w-])\d+\s*(?:{_MEASURES})(?![a-z])",
    )
]
_TOKEN = re.compile(r"[a-z0-9]+(?:[-_/][a-z0-9]+)*", re.IGNORECASE | re.ASCII)
_BEFORE = re.compile(
    r"(?:[号杆灯井箱柱桶牌亭栓桩盖树柜码第]|编号[为是:]?|no\.?|nr\.?|number|#|id|pole|lamp|tag|hydrant|light|标签)[\s:]*$",
    re.IGNORECASE,
)
_AFTER = re.compile(r"\s*[号#]")
_ROAD = re.compile(r"[路街道巷弄]")
_LAST_NUMBER = re.compile(r"(\d+)\s*[号#]?$", re.ASCII)
_CHINESE_NUMBER = re.compile(
    r"[〇零一二三四五六七八九十百]+(?=号)|(?<=第)[〇零一二三四五六七八九十百]+"
)
_CHINESE_DIGITS = {one: n for n, one in enumerate("零一二三四五六七八九")} | {"〇": 0}


def read(text: str, scanned: str | None) -> Said:
    """Read what a text says, and what was scanned."""
    labels = [_scanned(scanned.replace("\x00", "").strip())] if scanned else []
    if not _DIGIT.search(text):
        return Said(tuple(labels))
    plain = _CHINESE_NUMBER.sub(_arabic, unicodedata.normalize("NFKC", text).replace("\x00", ""))
    labels += [
        Label(ClueKind.WRITTEN, one, one, one, is_sure=True)
        for one in dict.fromkeys(_IDENTIFIER.findall(plain))
    ]
    plain = _IDENTIFIER.sub(" ", plain)
    for pattern in _OTHER:
        plain = pattern.sub(" ", plain)
    tokens: dict[str, Token] = {}
    for match in _TOKEN.finditer(plain):
        one = match[0]
        if not any(character.isdigit() for character in one) or len(one) > 40:
            continue
        is_labelled = bool(
            _BEFORE.search(plain[max(0, match.start() - 12) : match.start()])
            or _AFTER.match(plain, match.end())
        )
        if len(one) > 1 or is_labelled:
            tokens.setdefault(key_of(one), Token(one, is_labelled))
    found_tokens = tuple(tokens.values())[:_MOST_TOKENS]
    labels += [
        Label(ClueKind.WRITTEN, one.text, one.text, None, is_sure=False)
        for one in found_tokens
        if one.is_specific
    ]
    return Said(tuple(labels[:_MOST_TOKENS]), found_tokens)


def key_of(value: str) -> str:
    """Return what labels are compared by: without separators, case and widths (``alias_key``)."""
    return _SEPARATORS.sub("", unicodedata.normalize("NFKC", value)).lower()


def _scanned(text: str) -> Label:
    identifier = identifier_in(text)
    code = str(identifier) if identifier else None
    return Label(ClueKind.SCANNED, text, code or in_address(text), code, is_sure=True)


def written_on(
    attributes: Mapping[str, object], aliases: Sequence[Sequence[str]]
) -> dict[str, list[str]]:
    """Return what is written on a component by name: scalar attributes, and kinds of alias."""
    values: dict[str, list[str]] = {
        name: [str(value)]
        for name, value in attributes.items()
        if isinstance(value, str | int) and not isinstance(value, bool) and value != ""
    }
    for kind, value in aliases:
        values.setdefault(kind, []).append(value)
    return values


def numbers_fit(
    tokens: Sequence[Token], labels: Sequence[Mapping[str, Sequence[str]]]
) -> list[Fit]:
    """Hold the tokens of a report against what is written on the components around it.

    Args:
        tokens: what its text has of numbers and codes.
        labels: of each component its values by name.

    Returns:
        For each component how many times likelier the tokens make it, all of them together.
    """
    telling = _telling(labels)
    fits = [Fit() for _ in labels]
    for token in tokens:
        name, shares = _best_name(token, telling, labels)
        sure = max(shares, default=0.0)
        for n, one in enumerate(labels if name else ()):
            if shares[n]:
                odds = 1 - shares[n] + shares[n] / _chance(token)
                fits[n] = Fit(fits[n].odds * odds, token, name)
            elif one.get(name):
                fits[n] = Fit(fits[n].odds * (1 - sure), fits[n].token, fits[n].name)
    return fits


def _telling(labels: Sequence[Mapping[str, Sequence[str]]]) -> list[str]:
    """Return the names under which components have values of their own."""
    names = dict.fromkeys(name for one in labels for name in one)
    telling = []
    for name in names:
        values = [tuple(one[name]) for one in labels if one.get(name)]
        if len(set(values)) >= _DISTINCT * len(values):
            telling.append(name)
    return telling


def _best_name(
    token: Token, names: Iterable[str], labels: Sequence[Mapping[str, Sequence[str]]]
) -> tuple[str, list[float]]:
    """Return the name whose values a token fits best, and how surely each is meant (0: no fit)."""
    best: tuple[float, str, list[float]] = (0.0, "", [])
    for name in names:
        shares = [
            max((_share(token, value) for value in one.get(name, ())), default=0.0)
            for one in labels
        ]
        if max(shares, default=0.0) > best[0]:
            best = (max(shares), name, shares)
    return best[1], best[2]


def _share(token: Token, value: str) -> float:
    """Return how often a token like this that fits a value like this means it; 0: no fit."""
    if token.key == key_of(value):
        if not token.text.isdigit():
            return _IS_CODE
        return _IS_LABELLED if token.is_labelled else _IS_NUMBER
    if not token.text.isdigit() or _ROAD.search(value):
        return 0.0
    last = _LAST_NUMBER.search(unicodedata.normalize("NFKC", value).strip())
    if last is None or int(last[1]) != int(token.text):
        return 0.0
    return _IS_LABELLED if token.is_labelled else 0.0


def _chance(token: Token) -> float:
    """Return how often a token fits a component that is not meant."""
    if not token.text.isdigit():
        return _CHANCE
    return max(_CHANCE, 10.0 ** -len(token.text.lstrip("0") or "0"))


def _arabic(found: re.Match[str]) -> str:
    """Return a Chinese number in digits: 一二三 is 123, 一百二十三 too."""
    text = found[0]
    if not any(one in text for one in "十百"):
        return "".join(str(_CHINESE_DIGITS[one]) for one in text)
    total, digit = 0, 0
    for one in text:
        if one in _CHINESE_DIGITS:
            digit = _CHINESE_DIGITS[one]
        else:
            total += (digit or 1) * (100 if one == "百" else 10)
            digit = 0
    return str(total + digit)
