"""Class codes of a whole delivery: of another edition than was declared."""

from collections.abc import Mapping

import numpy as np

from gis_registry.surveys.checked import Severity
from gis_registry.surveys.class_names import ClassNames, codes_named
from gis_registry.surveys.delivery import Delivery, Registered
from gis_registry.surveys.findings import BatchCheck, BatchContext, Finding
from gis_registry.surveys.placement import Ground, Rows, rows_near

SAMPLE_ROWS = 5_000
#: Codes of which fewer rows disagree are right: some names beside them are slips.
MOST_DISAGREE = 0.5
#: With fewer rows under codes that disagree, some codes are wrong and not the edition.
LEAST_SHARE = 0.05
#: Another edition is meant if it agrees with nearly all that disagrees with the declared one.
LEAST_AGREE = 0.9
#: An edition has some 150 classes: more pairs of code and name than this are no classes.
_MOST_PAIRS = 2_000


def edition_findings(
    delivery: Delivery,
    registered: Registered,
    context: BatchContext,
    random: np.random.Generator,
) -> list[Finding]:
    """Find whether codes are of another edition: by the names beside them, else by places."""
    if context.class_names:
        return _by_names(context)
    return _by_places(delivery, registered, context, random)


def _by_names(context: BatchContext) -> list[Finding]:
    pairs = context.class_names
    if len(pairs) > _MOST_PAIRS or context.edition_key not in context.editions:
        return []
    agreed = {key: _agreement(pairs, names) for key, names in context.editions.items()}
    declared = agreed[context.edition_key]
    rows = sum(pairs.values())
    wrong = {code for code, (yes, no) in declared.items() if no > MOST_DISAGREE * (yes + no)}
    disagree = sum(declared[code][1] for code in wrong)
    if not wrong or disagree < LEAST_SHARE * rows:
        return []
    other = max(
        (key for key in agreed if key != context.edition_key),
        key=lambda key: _share(agreed[key], wrong),
        default=None,
    )
    fits = other is not None and _share(agreed[other], wrong) >= LEAST_AGREE
    (code, name), _ = max(
        ((pair, count) for pair, count in pairs.items() if pair[0] in wrong),
        key=lambda one: one[1],
    )
    return [
        Finding(
            BatchCheck.WRONG_EDITION,
            Severity.ERROR,
            f"The class codes of {disagree:,} of {rows:,} rows disagree with the class names "
            f"beside them in {context.edition_key}, such as {code} with {name!r}"
            + (f"; in {other} they agree." if fits else "."),
            f'edition = "{other}" in the mapping'
            if fits
            else "say in the mapping which code each of the file's types is",
            {
                "rows": rows,
                "disagree": disagree,
                "codes": ", ".join(sorted(wrong)[:10]),
                "edition": (other or "") if fits else "",
            },
        )
    ]


def _agreement(
    pairs: Mapping[tuple[str, str], int], names: ClassNames
) -> dict[str, tuple[int, int]]:
    """Return for each code how many rows' names agree with it and how many name another class."""
    digits = len(next(iter(names), ""))
    agreed: dict[str, tuple[int, int]] = {}
    for (code, name), count in pairs.items():
        named = codes_named(name, names)
        yes, no = agreed.get(code, (0, 0))
        if code.zfill(digits) in named:
            yes += count
        elif named or code.zfill(digits) not in names:
            no += count
        agreed[code] = yes, no
    return agreed


def _share(agreed: Mapping[str, tuple[int, int]], codes: set[str]) -> float:
    yes = sum(agreed[code][0] for code in codes)
    return yes / max(yes + sum(agreed[code][1] for code in codes), 1)


def _by_places(
    delivery: Delivery,
    registered: Registered,
    context: BatchContext,
    random: np.random.Generator,
) -> list[Finding]:
    """Find whether rows lie on components of the classes that another edition's codes mean."""
    if len(registered) == 0:
        return []
    for edition, meant in context.read_as.items():
        table = np.arange(max([*meant, int(delivery.class_ids.max(initial=0))]) + 1, dtype=np.int32)
        table[list(meant)] = list(meant.values())
        other = table[delivery.class_ids]
        other[other == delivery.class_ids] = 0  # says nothing of the edition
        near = rows_near(delivery, registered, class_ids=other, most=SAMPLE_ROWS, random=random)
        if len(near) == 0:
            continue
        ground = Ground(registered)
        place = delivery.lon[near], delivery.lat[near]
        read = Rows(*place, delivery.class_ids[near], delivery.accuracies_m[near])
        supposed = Rows(*place, other[near], delivery.accuracies_m[near])
        reach_m = ground.reach_m(supposed)
        fit, declared = ground.fit(supposed, reach_m), ground.fit(read, reach_m)
        if fit.is_better_than(declared, supposed=len(context.read_as)):
            first = int(delivery.class_ids[near][0])
            return [
                Finding(
                    BatchCheck.WRONG_EDITION,
                    Severity.ERROR,
                    f"{fit.hits:,} of {fit.rows:,} rows looked at lie on registered components of "
                    f"the classes that their codes mean in {edition}, such as "
                    f"{context.label(int(other[near][0]))} for {context.label(first)}; on those "
                    f"of the declared {context.edition_key} lie {declared.hits:,}.",
                    f'edition = "{edition}" in the mapping',
                    {
                        "rows": fit.rows,
                        "hits": fit.hits,
                        "hits_as_declared": declared.hits,
                        "edition": edition,
                    },
                )
            ]
    return []
