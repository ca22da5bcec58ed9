"""Checking a delivery as a whole, before its rows: what is wrong with all of them at once."""

from collections.abc import Mapping

import numpy as np

from gis_registry.surveys.batch_editions import edition_findings
from gis_registry.surveys.batch_positions import position_findings
from gis_registry.surveys.checked import Severity
from gis_registry.surveys.delivery import Delivery, Registered
from gis_registry.surveys.findings import BatchCheck, BatchContext, Finding, Spread

#: Numbers by fewer components than this say little of a class.
LEAST_NUMBERS = 20
#: A number that is always the same is as often a code as a measure.
LEAST_DISTINCT = 3
#: Numbers that are nearly all different are keys, and those of another file begin elsewhere.
MOST_DISTINCT = 0.9
#: How far quartiles may be from an exact factor: what is measured again is not the same to a digit.
NEAR_FACTOR = 0.08
#: Fewer missing ones are said of the components, not of the file.
LEAST_MISSING = 5

#: By how much a number is greater when it is written in one unit and not in the other.
_FACTORS = {
    10.0: ("mm", "cm"),
    100.0: ("cm", "m"),
    1000.0: ("mm", "m"),
    1 / 0.3048: ("ft", "m"),
    2.54: ("cm", "in"),
    1000 / 25.4: ("in", "m"),
    25.4: ("mm", "in"),
}
#: ... and by how much it is smaller.
_UNITS = _FACTORS | {1 / factor: (other, one) for factor, (one, other) in _FACTORS.items()}


def batch_findings(
    delivery: Delivery, registered: Registered, context: BatchContext, *, seed: int = 0
) -> list[Finding]:
    """Find what is wrong with a delivery as a whole.

    It works on samples: 3.5 million rows against as many components take some seconds.

    Args:
        delivery: the rows of the file, those that are refused included.
        registered: the active components of its classes, and of the classes in
            ``context.read_as``.
        context: what else it is held against.
        seed: of what chooses the samples, so that the same file is judged the same again.
    """
    random = np.random.default_rng(seed)
    return [
        *position_findings(delivery, registered, context, random),
        *edition_findings(delivery, registered, context, random),
        *unit_findings(context),
    ]


def unit_findings(context: BatchContext) -> list[Finding]:
    """Find numbers that are off by the factor between two units, all quartiles alike."""
    findings = []
    for (class_id, attribute), delivered in sorted(context.delivered.items()):
        registered = context.registered.get((class_id, attribute))
        if registered is None or not (_is_measure(delivered) and _is_measure(registered)):
            continue
        factor = _factor(delivered, registered)
        if factor is None:
            continue
        shown = f"{factor:.4g}" if factor >= 1 else f"1/{1 / factor:.4g}"
        written, meant = _UNITS[factor]
        findings.append(
            Finding(
                BatchCheck.WRONG_UNIT,
                Severity.ERROR,
                f"{attribute} of {context.label(class_id)} is {shown} times what is registered "
                f"(median {delivered.median:g} against {registered.median:g}), as {written} "
                f"written for {meant} would be.",
                f'{attribute} = {{ from = "{written}", to = "{meant}" }} under [attributes.units] '
                "in the mapping",
                {
                    "class_id": class_id,
                    "attribute": attribute,
                    "factor": factor,
                    "median": delivered.median,
                    "registered_median": registered.median,
                },
            )
        )
    return findings


def _is_measure(spread: Spread) -> bool:
    return (
        spread.count >= LEAST_NUMBERS
        and spread.distinct >= LEAST_DISTINCT
        and spread.distinct <= MOST_DISTINCT * spread.count
        and spread.lower > 0
    )


def _factor(delivered: Spread, registered: Spread) -> float | None:
    """Return the unit's factor by which all quartiles are off, or None."""
    ratios = np.array(
        [
            delivered.lower / registered.lower,
            delivered.median / registered.median,
            delivered.upper / registered.upper,
        ]
    )
    for factor in _UNITS:
        if (np.abs(np.log(ratios / factor)) < NEAR_FACTOR).all():
            return factor
    return None


def missing_findings(
    missing: Mapping[int, int],
    registered: Mapping[int, int],
    *,
    max_share: float,
    labels: Mapping[int, str],
) -> list[Finding]:
    """Find classes of which a delivery would retire more than is believable.

    Args:
        missing: how many components of each class id the delivery lacks.
        registered: how many components of each the area that it covers has.
        max_share: the largest share that may be missing, from 0 to 1.
        labels: what classes are called.
    """
    findings = []
    for class_id, count in sorted(missing.items()):
        whole = registered.get(class_id, 0)
        if count < LEAST_MISSING or count <= max_share * whole:
            continue
        findings.append(
            Finding(
                BatchCheck.MANY_MISSING,
                Severity.ERROR,
                f"{count:,} of {whole:,} registered components of "
                f"{labels.get(class_id, f'class {class_id}')} in the area of the file are not in "
                f"it: {count / max(whole, 1):.0%}, more than the {max_share:.0%} that are "
                "believable.",
                "deliver the class completely; if they are gone, --force with the reason",
                {"class_id": class_id, "missing": count, "registered": whole},
            )
        )
    return findings
