"""A table of time limits in memory: which limit holds for what, under which condition, on a day.

The scopes of what is asked about are tried from the most to the least specific. In the first that
has a limit, the asked condition comes before the default, then a limit in season before one
without a season. What can be found of a thing is what handling distinguishes; other stages may
refer to it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from gis_registry.catalogue.tables import LimitStage

#: What a limit is for: ``("class", id)``, ``("matter_type", id)``, ``("major", edition, kind,
#: code)``, ``("kind", kind)`` or ``("everything",)``.
Scope = tuple[str | int, ...]

EVERYTHING: Scope = ("everything",)


@dataclass(frozen=True, slots=True)
class Season:
    """Two days of the year as ``MM-DD``, both in it; it may go past the end of the year."""

    first: str
    last: str

    def holds(self, on_date: date) -> bool:
        """Return whether a day is in the season."""
        day = f"{on_date:%m-%d}"
        if self.first <= self.last:
            return self.first <= day <= self.last
        return day >= self.first or day <= self.last

    def overlaps(self, other: "Season") -> bool:
        """Return whether a day is in both."""
        leap_year = (date(2024, 1, 1) + timedelta(days=n) for n in range(366))
        return any(self.holds(day) and other.holds(day) for day in leap_year)

    def __str__(self) -> str:
        """Return both days, for people."""
        return f"{self.first}–{self.last}"


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit; without a condition it is the default of its scope."""

    id: int
    stage: str
    scope: Scope
    condition_code: str | None
    condition_zh: str | None
    condition_en: str | None
    season: Season | None
    amount: float
    unit: str
    closing_zh: str | None
    closing_en: str | None

    @property
    def key(self) -> tuple[str, Scope, str | None, Season | None]:
        """What may be in a table once."""
        return self.stage, self.scope, self.condition_code, self.season

    def ties_with(self, other: "Limit") -> bool:
        """Return whether nothing says which of the two comes first on some day."""
        if self.key[:3] != other.key[:3] or (self.season is None) != (other.season is None):
            return False
        return self.season is None or other.season is None or self.season.overlaps(other.season)


@dataclass(frozen=True)
class LimitTable:
    """The limits of one version."""

    limits: Sequence[Limit]
    _by_scope: dict[tuple[str, Scope], list[Limit]] = field(init=False, repr=False)
    _conditions: dict[Scope, set[str]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Put the limits where they are looked for."""
        by_scope: dict[tuple[str, Scope], list[Limit]] = {}
        conditions: dict[Scope, set[str]] = {}
        for one in self.limits:
            by_scope.setdefault((one.stage, one.scope), []).append(one)
            if one.stage == LimitStage.HANDLING and one.condition_code is not None:
                conditions.setdefault(one.scope, set()).add(one.condition_code)
        object.__setattr__(self, "_by_scope", by_scope)
        object.__setattr__(self, "_conditions", conditions)

    def find(
        self, stage: str, scopes: Iterable[Scope], condition: str | None, on_date: date
    ) -> Limit | None:
        """Return the limit of a stage that holds on a day, or None.

        Args:
            stage: the stage.
            scopes: what is asked about, the most specific first.
            condition: the condition that was found; None: nothing in particular.
            on_date: the day in the city's zone.
        """
        for scope in scopes:
            held = [
                one
                for one in self._by_scope.get((stage, scope), ())
                if (one.condition_code is None or one.condition_code == condition)
                and (one.season is None or one.season.holds(on_date))
            ]
            if held:
                return min(held, key=lambda one: (one.condition_code is None, one.season is None))
        return None

    def conditions(self, scopes: Iterable[Scope]) -> set[str]:
        """Return the codes of the conditions that a limit for handling names, of any season."""
        return {code for scope in scopes for code in self._conditions.get(scope, ())}

    def effective_conditions(self, scopes: Sequence[Scope], on_date: date) -> list[str]:
        """Return the conditions that lead to a limit of their own for handling on a day."""
        codes = dict.fromkeys(
            one.condition_code
            for scope in scopes
            for one in self._by_scope.get((LimitStage.HANDLING, scope), ())
            if one.condition_code is not None
        )
        found = {code: self.find(LimitStage.HANDLING, scopes, code, on_date) for code in codes}
        return [code for code, one in found.items() if one and one.condition_code == code]
