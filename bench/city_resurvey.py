"""A second survey of the same points, without keys, whose truth is known row by row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from city_describe import (
    CHUNK,
    STATES,
    City,
    class_columns,
    draw_states,
    states,
    surveyed_states,
    wkb,
)
from city_place import Placed, joined

RESURVEYED_ON = "2026-10-31"


@dataclass(frozen=True)
class Changes:
    """Shares of the first survey that changed, and by how much."""

    noise_m: float  # of every position: standard deviation, east and north each
    move_m: float  # how far a moved one went: at least this, at most twice
    moved: float
    removed: float
    added: float
    reclassified: float
    restated: float  # whose state is another one, wherever they stand


@dataclass(frozen=True)
class Resurvey:
    """Rows of the second survey in their shuffled order, and the truth about them."""

    rule: npt.NDArray[np.int16]
    xy: npt.NDArray[np.float64]
    state: npt.NDArray[np.int8]  # places in STATES
    truth: pd.DataFrame  # resurvey_row, source_key number, change


def resurvey(city: City, points: Placed, surplus: Placed, changes: Changes) -> Resurvey:
    """Survey the points again.

    Args:
        city: what they stand in.
        points: of the first survey, in the order of its keys.
        surplus: places that the first survey left free; additions are drawn from them.
        changes: what is to differ.

    Returns:
        The rows and their truth; source keys are numbers from 1.
    """
    rng = np.random.default_rng([city.seed, 5])
    count = len(points)
    fate = np.zeros(count, dtype=np.int8)  # 0 unchanged, 1 moved, 2 removed, 3 reclassified
    order = rng.permutation(count)
    at = 0
    for code, share in ((1, changes.moved), (2, changes.removed), (3, changes.reclassified)):
        until = at + round(share * count)
        fate[order[at:until]] = code
        at = until
    free = np.flatnonzero(np.array([r.geometry == "point" for r in city.rules])[surplus.rule])
    wanted = round(changes.added * count)
    if wanted > len(free):
        raise SystemExit(f"At most {len(free)} points can be added; ask for fewer.")
    extra = surplus.pick(rng.choice(free, wanted, replace=False))
    stays = fate != 2
    everything = joined([points.pick(stays), extra])
    rule = everything.rule.copy()
    rule[: int(stays.sum())] = reclassify(city, points.rule[stays], fate[stays] == 3, rng)
    xy = everything.xy + rng.normal(0, changes.noise_m, everything.xy.shape)
    moved = np.flatnonzero(fate[stays] == 1)
    angle = rng.uniform(0, 2 * np.pi, len(moved))
    distance = rng.uniform(changes.move_m, 2 * changes.move_m, len(moved))
    xy[moved] += distance[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    state = np.concatenate(
        [surveyed_states(city, points, first_key=1)[stays], draw_states(rng, wanted)]
    )
    restated = rng.random(len(state)) < changes.restated
    others = rng.integers(1, len(STATES), len(state))
    state = np.where(restated, (state + others) % len(STATES), state).astype(np.int8)
    shuffled = rng.permutation(len(xy))
    names = np.array(["unchanged", "moved", "removed", "reclassified"])
    key = np.concatenate([np.flatnonzero(stays) + 1, np.zeros(wanted, dtype=np.int64)])
    change = np.concatenate([names[fate[stays]], np.full(wanted, "added")])
    rows = pd.DataFrame(
        {
            "resurvey_row": pd.array(np.arange(1, len(xy) + 1), dtype="Int64"),
            "source_key": key[shuffled],
            "change": change[shuffled],
        }
    )
    gone = pd.DataFrame(
        {
            "resurvey_row": pd.array([pd.NA] * int((~stays).sum()), dtype="Int64"),
            "source_key": np.flatnonzero(~stays) + 1,
            "change": "removed",
        }
    )
    truth = pd.concat([rows, gone], ignore_index=True)
    return Resurvey(rule[shuffled], xy[shuffled], state[shuffled], truth)


def reclassify(
    city: City,
    rule: npt.NDArray[np.int16],
    which: npt.NDArray[np.bool_],
    rng: np.random.Generator,
) -> npt.NDArray[np.int16]:
    """Another point class of the same major class for those that are marked."""
    result = rule.copy()
    majors = np.array([r.class_code[:2] for r in city.rules])
    is_point = np.array([r.geometry == "point" for r in city.rules])
    for index in np.unique(rule[which]):
        others = np.flatnonzero(is_point & (majors == majors[index]))
        others = others[others != index]
        at = np.flatnonzero(which & (rule == index))
        result[at] = rng.choice(others, len(at))
    return result


def resurvey_batches(city: City, rows: Resurvey) -> Iterator[pa.RecordBatch]:
    """The rows of the second survey: no keys, no units."""
    along = np.zeros((len(rows.rule), 2), dtype=np.float32)
    for at in range(0, len(rows.rule), CHUNK):
        part = slice(at, at + CHUNK)
        count = len(rows.rule[part])
        yield pa.RecordBatch.from_pydict(
            {
                **class_columns(city, rows.rule[part]),
                "surveyed_on": pa.array([RESURVEYED_ON]).take(pa.array(np.zeros(count, np.int8))),
                "state": states(rows.state[part]),
                "is_synthetic": pa.array(np.ones(count, dtype=bool)),
                "geom": wkb(city, rows.rule[part], rows.xy[part], along[part]),
            }
        )


def write_truth(path: Path, city: City, rows: Resurvey) -> None:
    """`truth.csv`: one line for every row of the second survey and every removed component."""
    truth = rows.truth.copy()
    prefix = f"{city.profile.division_code}-"
    truth["source_key"] = prefix + truth["source_key"].astype(str).str.zfill(7)
    truth.loc[truth["change"] == "added", "source_key"] = ""
    truth.to_csv(path, index=False, lineterminator="\n")
