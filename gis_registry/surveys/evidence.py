"""What rows and components are said to be, as evidence where place alone does not decide.

Attributes that agree speak for a pair, the more the rarer their value; attributes that differ
speak against it. A key of the contractor's is one of them: it may repeat and move, so it is a hint
and not an identity. After Fellegi and Sunter, "A theory for record linkage" (1969).
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gis_registry.surveys.assigning import Evidence, Floats, Indices

#: How often attributes of the same thing agree from one survey to the next.
_AGREES = 0.9
#: Together attributes weigh no more than this, since they depend on each other; against a pair even
#: less, since a survey of other people writes other things of the same thing.
_MOST_FOR, _MOST_AGAINST = 6.0, -2.0

Attributes = Mapping[int, Mapping[str, Any]]
"""What is said of rows or components, by number."""


def attribute_evidence(
    of_rows: Callable[[Indices], Attributes], of_components: Callable[[Indices], Attributes]
) -> Evidence:
    """Return evidence from attributes, which are asked for only where pairs compete.

    Args:
        of_rows: returns the attributes of rows.
        of_components: returns the attributes of components.
    """

    def evidence(rows: Indices, components: Indices) -> Floats:
        said = of_rows(np.unique(rows))
        known = of_components(np.unique(components))
        shares = _shares(known)
        return np.array(
            [
                _gain(said.get(row, {}), known.get(component, {}), shares)
                for row, component in zip(rows.tolist(), components.tolist(), strict=True)
            ]
        )

    return evidence


def _shares(known: Attributes) -> dict[tuple[str, str], float]:
    """Return how common each value of each attribute is among the components."""
    counts: Counter[tuple[str, str]] = Counter()
    totals: Counter[str] = Counter()
    for attributes in known.values():
        for name, value in attributes.items():
            counts[name, _word(value)] += 1
            totals[name] += 1
    return {key: (count + 1) / (totals[key[0]] + 1) for key, count in counts.items()}


def _gain(
    said: Mapping[str, Any],
    known: Mapping[str, Any],
    shares: Mapping[tuple[str, str], float],
) -> float:
    gain = 0.0
    for name, value in said.items():
        if name not in known:
            continue
        share = shares.get((name, _word(value)), 0.0)
        if _word(known[name]) == _word(value):
            gain += np.log(_AGREES / share)
        elif share < 1:
            # Differing means little for a value that most have, much for one that few have.
            gain += np.log((1 - _AGREES) / (1 - share)) / 2
    return float(np.clip(gain, _MOST_AGAINST, _MOST_FOR))


def _word(value: object) -> str:
    """Return a value as text, a number as the same one whether it is written 8 or 8.0."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(float(value)) if is_number else str(value)  # type: ignore[arg-type]
