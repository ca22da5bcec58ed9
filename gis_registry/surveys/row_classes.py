"""The class of each row: from one for all, or from codes and names as files write them."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from gis_registry.catalogue import queries as catalogue
from gis_registry.catalogue.tables import ComponentClass
from gis_registry.errors import InvalidInput
from gis_registry.surveys.class_names import codes_named

_NUMBER = re.compile(r"(\d+)(?:\.0*)?", re.ASCII)


@dataclass(frozen=True)
class RowClasses:
    """The classes that rows have, and which of them each row has (-1: none)."""

    classes: Sequence[ComponentClass]
    index: NDArray[np.int32]

    def numbers(self, values: Sequence[float], none: float) -> NDArray[np.float64]:
        """Return for each row its class's value, or the one for rows without a class."""
        return np.array([*values, none], dtype=np.float64)[self.index]

    def ids(self) -> NDArray[np.int32]:
        """Return for each row its class's id, or 0."""
        return np.array([*(one.id for one in self.classes), 0], dtype=np.int32)[self.index]

    def of(self, row: int) -> ComponentClass:
        """Return the class of a row that has one."""
        return self.classes[int(self.index[row])]


@dataclass(frozen=True)
class ClassLookup:
    """Finds the city's class from what a file writes.

    Attributes:
        edition_key: the edition that the file's codes and names are of.
        class_digits: how many digits its codes have.
        classes: the classes of that edition by code.
        city_edition_key: the edition of the city's own classes.
        counterparts: the city's classes by the id of the same in the file's edition; None where
            the two editions are one.
        class_codes: what the file writes → code, as its mapping says.
    """

    edition_key: str
    class_digits: int
    classes: Mapping[str, ComponentClass]
    city_edition_key: str
    counterparts: Mapping[int, Sequence[ComponentClass]] | None = None
    class_codes: Mapping[str, str] = field(default_factory=dict)
    _found: dict[str, "ComponentClass | str"] = field(default_factory=dict, init=False)
    _named: dict[str, frozenset[int]] = field(default_factory=dict, init=False)

    def find(self, written: str) -> ComponentClass | str:
        """Return the city's class, or what is wrong as the rest of a sentence after "... is"."""
        if written not in self._found:
            self._found[written] = self._find(written)
        return self._found[written]

    def named(self, written: str) -> frozenset[int]:
        """Return the ids of the city's classes that a name is most alike to; none if to none."""
        if written not in self._named:
            names = {code: (one.name_zh, one.name_en) for code, one in self.classes.items()}
            found = [self.find(code) for code in codes_named(written, names)]
            self._named[written] = frozenset(one.id for one in found if not isinstance(one, str))
        return self._named[written]

    def plain(self, written: str) -> str:
        """Return a code as the edition writes it: one that became a number gets its zeros back."""
        code = self.class_codes.get(written, written)
        code = unicodedata.normalize("NFKC", code).strip()
        number = _NUMBER.fullmatch(code)
        return number[1].zfill(self.class_digits) if number else code

    def _find(self, written: str) -> ComponentClass | str:
        code = self.plain(written)
        found = self.classes.get(code)
        if found is None:
            named = [
                one
                for one in self.classes.values()
                if code.casefold() in {one.name_zh.casefold(), one.name_en.casefold()}
            ]
            if len(named) > 1:
                return f"{code!r}, the name of several: {', '.join(one.code for one in named)}."
            found = named[0] if named else None
        if found is None:
            edition = "city's edition" if self.counterparts is None else self.edition_key
            return f"{code!r}, no class of the {edition}."
        return found if self.counterparts is None else self._counterpart(found)

    def _counterpart(self, found: ComponentClass) -> ComponentClass | str:
        others = (self.counterparts or {}).get(found.id, ())
        if len(others) == 1:
            return others[0]
        listed = ", ".join(f"{one.code} ({one.name_en})" for one in others)
        return (
            f"{found.code!r} ({found.name_zh} {found.name_en}) of {self.edition_key}, which has "
            + ("several counterparts" if others else "no counterpart")
            + f" in {self.city_edition_key}"
            + (f": {listed}." if others else ".")
        )


def class_lookup(
    session: Session,
    *,
    city_edition_key: str,
    edition_key: str | None = None,
    class_codes: Mapping[str, str] | None = None,
) -> ClassLookup:
    """Prepare finding classes.

    Args:
        session: open transaction.
        city_edition_key: the edition of the city's own classes.
        edition_key: the one that the file's codes are of; None: the city's.
        class_codes: what the file writes → code in that edition.

    Raises:
        InvalidInput: there is no such edition.
    """
    edition_key = edition_key or city_edition_key
    digits = {one.key: one.class_digits for one in catalogue.editions(session)}
    if edition_key not in digits:
        raise InvalidInput(
            f"There is no edition {edition_key!r}; there are: {', '.join(sorted(digits))}."
        )
    return ClassLookup(
        edition_key=edition_key,
        class_digits=digits[edition_key],
        classes={one.code: one for one in catalogue.classes(session, edition_key=edition_key)},
        city_edition_key=city_edition_key,
        counterparts=(
            None
            if edition_key == city_edition_key
            else catalogue.counterparts_between(session, edition_key, city_edition_key)
        ),
        class_codes=class_codes or {},
    )


def class_column(fields: pa.Table) -> str | None:
    """Return the column that says the class: the codes, or the names where there are none."""
    return next(
        (name for name in ("class_code", "class_name") if name in fields.column_names), None
    )
