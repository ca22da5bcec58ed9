"""CQL2 text into CQL2 JSON: the library ``cql2`` parses, its spelling is made the standard's.

The grammar of the library departs from OGC 21-065r2 here and there. Each word is therefore looked
at before it parses, and written so that it can only be read as the standard reads it:

- ``\\'`` is a quote in a literal and ``\\n``, ``\\t`` and so on are control characters; in a LIKE
  pattern every other backslash is left to LIKE, elsewhere ``\\\\`` is one backslash;
- property names are quoted, so that all names that the standard allows can be written, and none is
  mistaken for a keyword or the other way round (``a = b orc = d``);
- numbers may begin with a point, and keep more digits than a float has; coordinates may have
  exponents;
- parentheses become calls of ``()``, since the library takes time exponential in the depth of
  parentheses before it refuses, and knows no empty array;
- dates, times, intervals and boxes become calls too, since the library adds a missing zone,
  rounds, and drops what stands in excess.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

import cql2

from gis_registry.errors import InvalidInput

#: One part of a filter as JSON has it.
Tree = bool | int | float | str | list["Tree"] | dict[str, "Tree"] | None

#: How deep the parts of a filter may stand in one another; the translation is recursive.
MAX_NESTING = 24
#: How many words, signs and values a filter may have, coordinates not counted.
MAX_WORDS = 5_000
#: How many AND and OR a filter may have.
MAX_JOINED = 1_000

# The characters that the standard's grammar lets a name begin with.
_NAME_START = (
    ":_A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02ff\u0370-\u037d\u037f-\u1ffe\u200c-\u200d"
    "\u2070-\u218f\u2c00-\u2fef\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff"
)
_TOKEN = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<text>'(?:[^'\\]|''|\\.)*')"
    r'|(?P<quoted>"(?:[^"]|"")*")'
    r"|(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    rf"|(?P<word>[{_NAME_START}][{_NAME_START}.0-9\u0300-\u036f\u203f-\u2040]*)"
    r"|(?P<sign><>|<=|>=|[()=<>+\-*/^%,])",
    re.DOTALL,
)
_KEYWORDS = frozenset(
    ["and", "or", "not", "between", "like", "in", "is", "null", "true", "false", "div"]
)
_OPERATORS = frozenset(["not", "between", "like", "in", "div", "<>", "<=", ">=", *"<>=+-*/^%"])
_GEOMETRIES = frozenset(
    [
        *("point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon"),
        "geometrycollection",
    ]
)
_VALUES = frozenset(["date", "timestamp", "interval", "bbox"])
_CONTROL = {"a": "\a", "b": "\b", "t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r"}
_PLACE = re.compile(r"--> (\d+):(\d+)")

# Names of the calls that stand for what the library would read otherwise; no name has these signs.
_GROUP, _NUMBER, _VALUE = "()", "#", "@"


def tree_of_text(given: str) -> Tree:
    """Return the CQL2 JSON of a filter written as CQL2 text.

    Raises:
        InvalidInput: it is no CQL2 text, or nested too deeply.
    """
    spelling = _Spelling(given)
    text = "".join(spelling.parts())
    try:
        parsed = cql2.parse_text(text).to_json()
    except Exception as error:  # the library also raises plain ones
        raise InvalidInput(_complaint(spelling, text, str(error))) from error
    check_nesting(parsed, MAX_NESTING * 3)  # calls that stand for parentheses are taken out now
    return _plain(parsed)


def check_nesting(tree: object, limit: int = MAX_NESTING) -> None:
    """Refuse a filter whose parts stand too deep in one another, without descending into it."""
    level = [tree]
    for _ in range(limit):
        level = [
            inner
            for one in level
            if not _is_geometry(one)
            for inner in (_inside(one) if isinstance(one, dict | list) else ())
        ]
        if not level:
            return
    raise InvalidInput(
        "The filter is nested too deeply; write AND and OR without parentheses where they are not "
        "needed, or use IN."
    )


def _inside(one: "dict[str, object] | list[object]") -> list[object]:
    # A list does not count as a level of its own.
    values = list(one.values()) if isinstance(one, dict) else one
    return [inner for value in values for inner in (value if isinstance(value, list) else [value])]


def _is_geometry(one: object) -> bool:
    return (
        isinstance(one, dict) and "op" not in one and ("coordinates" in one or "geometries" in one)
    )


@dataclass
class _Depth:
    """How deep the library descends; it would end the whole program where the stack does."""

    words: int = 0
    joined: int = 0
    #: for each parenthesis that is open, the operators in it since the last AND, OR or comma
    pending: list[int] = field(default_factory=lambda: [0])

    @property
    def parentheses(self) -> int:
        """How many are open."""
        return len(self.pending) - 1

    def take(self, word: str, *, in_geometry: bool) -> None:
        """Count a word, and refuse it if it is one too many."""
        self.words += not in_geometry
        if word == "(":
            self.pending.append(0)
        elif word == ")":
            del self.pending[max(1, self.parentheses) :]
        elif word in ("and", "or", ","):
            self.pending[-1] = 0
            self.joined += word != ","
        elif not in_geometry and word in _OPERATORS:
            self.pending[-1] += 1
        if max(self.parentheses, sum(self.pending)) > MAX_NESTING * 2:
            raise InvalidInput(
                f"The filter is nested too deeply: at most {MAX_NESTING * 2} parentheses or "
                "operators can stand in one another."
            )
        if self.words > MAX_WORDS or self.joined > MAX_JOINED:
            raise InvalidInput(
                f"The filter is too long: at most {MAX_WORDS:,} words and values are read, joined "
                f"by at most {MAX_JOINED:,} AND and OR; use IN."
            )


@dataclass
class _Spelling:
    """A filter, word for word, as the library is given it."""

    given: str
    #: where each word begins in what the library is given, and in what the user wrote
    places: list[tuple[int, int]] = field(default_factory=list)

    def parts(self) -> Iterator[str]:
        """Return the words, written so that they are read as the standard reads them."""
        written = 0
        depth = _Depth()
        geometry_level: int | None = None  # of parentheses, where the geometry began
        is_call = False  # the parenthesis that comes next belongs to a name
        is_pattern = False  # the literal that comes next is a pattern
        for token in self._tokens():
            kind, word = token.lastgroup, token.group()
            part = word
            in_geometry = geometry_level is not None
            if kind == "space":
                part = " "
            elif kind == "sign":
                part = f'"{_GROUP}"(' if word == "(" and not (is_call or in_geometry) else word
                is_call = False
                is_pattern = is_pattern and word == "("
            elif kind == "text":
                part = _quoted(_unescaped(word[1:-1], is_pattern=is_pattern))
                is_pattern = False
            elif kind == "number":
                part = _number(word, in_geometry=in_geometry)
            elif kind == "quoted":
                if self._calls(token.end()):
                    raise InvalidInput(f"The name of a function is written without quotes: {word}.")
            elif in_geometry:
                _refuse_empty(word)
            else:
                part, is_call = self._named(word, token.end())
                if word.lower() in _GEOMETRIES and part == word:
                    geometry_level = depth.parentheses
                if word.lower() not in ("casei", "accenti"):
                    is_pattern = word.lower() == "like"
            if kind != "space":
                depth.take(word.lower(), in_geometry=in_geometry)
            if word == ")" and depth.parentheses == geometry_level:
                geometry_level = None
            self.places.append((written, token.start()))
            written += len(part)
            yield part

    def _named(self, word: str, end: int) -> tuple[str, bool]:
        """Return a word, and whether it is a function's name."""
        lower = word.lower()
        if lower in _KEYWORDS:
            return word, False
        if lower in _GEOMETRIES:
            tail = re.match(r"\s*(?:(?:ZM|Z|M)?\s*\(|(EMPTY)\b)", self.given[end:], re.IGNORECASE)
            if tail is not None:
                _refuse_empty(tail.group(1) or "")
                return word, False
        if not self._calls(end):
            return f'"{word}"', False
        if lower == "isnull":
            raise InvalidInput("There is no function isNull in CQL2 text; write … IS NULL.")
        return (f'"{_VALUE}{lower}"' if lower in _VALUES else f'"{word}"'), True

    def _calls(self, end: int) -> bool:
        return re.compile(r"\s*\(").match(self.given, end) is not None

    def _tokens(self) -> Iterator[re.Match[str]]:
        at = 0
        while at < len(self.given):
            token = _TOKEN.match(self.given, at)
            if token is None:
                raise InvalidInput(self._unreadable(at))
            yield token
            at = token.end()

    def _unreadable(self, at: int) -> str:
        rest = self.given[at : at + 40]
        if rest.startswith("'"):
            return (
                f"The filter has a text without its closing quote: {rest} A quote in a text is "
                "written twice, and a backslash before the closing quote too."
            )
        if rest.startswith("!="):
            return "CQL2 has no operator !=; write <>."
        if rest.startswith('"'):
            return f"The filter has a name without its closing double quote: {rest}"
        return f"The filter cannot be read as CQL2 text from here on: {rest}"


def _refuse_empty(word: str) -> None:
    if word.lower() == "empty":
        raise InvalidInput("The filter has an empty geometry; give it coordinates.")


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _unescaped(literal: str, *, is_pattern: bool) -> str:
    def character(found: re.Match[str]) -> str:
        if found.group() in ("''", "\\'"):
            return "'"
        escaped = found.group()[1]
        if escaped == "\\" and not is_pattern:
            return "\\"
        return _CONTROL.get(escaped, found.group())

    return re.sub(r"''|\\.", character, literal, flags=re.DOTALL)


def _number(word: str, *, in_geometry: bool) -> str:
    if in_geometry:
        if "e" not in word.lower():
            return f"0{word}" if word.startswith(".") else word
        value = Decimal(word)
        if abs(value.adjusted()) > 30:
            raise InvalidInput(f"The coordinate {word} is no place on the ground.")
        return format(value, "f")
    if word.isdecimal() and len(word) <= 15:
        return word
    return f'"{_NUMBER}"({_quoted(word)})'


def _complaint(spelling: _Spelling, text: str, error: str) -> str:
    """Return what is wrong by the place that the library tells, in the user's own words."""
    place = _PLACE.search(error)
    if place is None:
        return f"The filter cannot be read as CQL2 text: {error.splitlines()[0]}."
    line, column = int(place.group(1)), int(place.group(2))
    at = sum(len(one) for one in text.splitlines(keepends=True)[: line - 1]) + column - 1
    origin = max((given for written, given in spelling.places if written <= at), default=0)
    rest = spelling.given[origin : origin + 40].strip()
    if at >= len(text.rstrip()) or not rest:
        return (
            "The filter cannot be read as CQL2 text: it ends too early. Close its parentheses and "
            "give both sides of each comparison."
        )
    return f"The filter cannot be read as CQL2 text from here on: {rest}"


def _plain(tree: Tree) -> Tree:
    """Return the filter without the calls that stood for something else."""
    if isinstance(tree, list):
        return [_plain(one) for one in tree]
    if not isinstance(tree, dict) or _is_geometry(tree):
        return tree
    name, arguments = tree.get("op"), tree.get("args")
    if not isinstance(name, str) or not isinstance(arguments, list):
        return tree
    if name == _NUMBER:
        return _value_of_number(str(arguments[0]))
    if name == "in" and isinstance(arguments[1], list):
        return {"op": name, "args": [_plain(arguments[0]), _members(arguments[1])]}
    inner = [_plain(one) for one in arguments]
    if name == _GROUP:
        return inner[0] if len(inner) == 1 else inner
    if name.startswith(_VALUE):
        return {name.removeprefix(_VALUE): inner if name[1:] in ("interval", "bbox") else inner[0]}
    if name.startswith("a_"):  # what has parentheses is an array, also of one
        inner = [_members([one]) if _is_group(one) else _plain(one) for one in arguments]
    if name == "*" and arguments[0] == -1.0 and isinstance(inner[1], int | float):
        return -inner[1]
    return {"op": name, "args": inner}


def _is_group(tree: Tree) -> bool:
    return isinstance(tree, dict) and tree.get("op") == _GROUP


def _members(members: list[Tree]) -> Tree:
    only = members[0] if len(members) == 1 else None
    arguments = only.get("args") if isinstance(only, dict) and _is_group(only) else None
    if not isinstance(arguments, list):
        raise InvalidInput("IN wants a list of values in parentheses: … IN ('a', 'b').")
    return [_plain(one) for one in arguments]


def _value_of_number(word: str) -> Tree:
    if word.isdecimal():
        return int(word) if len(word) <= 1_000 else float("inf")
    return float(word)
