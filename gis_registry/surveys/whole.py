"""A delivery as a whole: what is gathered of it while it is read, and what it is held against."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from gis_registry.catalogue import queries as catalogue
from gis_registry.catalogue.tables import ComponentClass
from gis_registry.places.locating import Locator
from gis_registry.places.tables import City
from gis_registry.surveys import queries
from gis_registry.surveys.checked import CheckedBatch
from gis_registry.surveys.checking import Expectation
from gis_registry.surveys.columns import as_numbers, distinct
from gis_registry.surveys.findings import BatchContext, Spread
from gis_registry.surveys.reading import Source

#: Numbers of so many rows tell how an attribute's are spread.
_SAMPLE_ROWS = 100_000


@dataclass
class Gathered:
    """What is gathered of the rows while they pass: class names, and samples of numbers.

    Attributes:
        class_code: the code that is said of all rows, in the declared edition.
        class_names: how many rows have each code with each name.
    """

    class_code: str | None = None
    class_names: Counter[tuple[str, str]] = field(default_factory=Counter)
    _numbers: dict[str, list[tuple[NDArray[np.int32], NDArray[np.float64]]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    _sampled: int = 0

    def add(self, fields: pa.Table, checked: CheckedBatch, expected: Expectation) -> None:
        """Take a batch: its columns as the mapping names them, and what checking made of it."""
        if "class_name" in fields.column_names:
            self._count_names(fields, expected)
        if self._sampled < _SAMPLE_ROWS:
            self._sampled += len(checked)
            for name in checked.attributes.column_names:
                column = checked.attributes.column(name)
                if pa.types.is_string(column.type):
                    column = as_numbers(column)  # as a CSV file has them
                if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
                    values = column.cast(pa.float64(), safe=False).to_numpy()
                    self._numbers[name].append((checked.class_ids, values))

    def spreads(self) -> dict[tuple[int, str], Spread]:
        """Return how the numbers of each attribute of each class are spread."""
        spreads = {}
        for name, parts in self._numbers.items():
            class_ids = np.concatenate([ids for ids, _ in parts])
            values = np.concatenate([numbers for _, numbers in parts])
            for class_id in np.unique(class_ids[np.isfinite(values)]).tolist():
                of_class = values[(class_ids == class_id) & np.isfinite(values)]
                lower, median, upper = np.percentile(of_class, (25, 50, 75)).tolist()
                spreads[class_id, name] = Spread(
                    len(of_class), len(np.unique(of_class)), lower, median, upper
                )
        return spreads

    def _count_names(self, fields: pa.Table, expected: Expectation) -> None:
        names = distinct(fields.column("class_name"), expected.zone)
        if self.class_code is not None:  # whatever codes the file has beside
            ours = np.zeros(len(fields), dtype=np.int32)
            codes = type(names)([self.class_code], ours)
        elif "class_code" in fields.column_names:
            codes = distinct(fields.column("class_code"), expected.zone)
        else:
            return
        pairs = codes.index.astype(np.int64) << 32 | np.maximum(names.index, 0)
        found, counts = np.unique(
            pairs[(codes.index >= 0) & (names.index >= 0)], return_counts=True
        )
        for pair, count in zip(found.tolist(), counts.tolist(), strict=True):
            code = expected.class_lookup.plain(codes.values[pair >> 32])
            self.class_names[code, names.values[pair & 0xFFFFFFFF]] += count


def batch_context(
    session: Session,
    gathered: Gathered,
    *,
    source: Source,
    expected: Expectation,
    locator: Locator,
    city: City,
) -> BatchContext:
    """Return what a delivery as a whole is held against, beside the registered components."""
    delivered = gathered.spreads()
    classes = catalogue.classes(session)
    of_edition: dict[str, dict[str, ComponentClass]] = defaultdict(dict)
    for one in classes:
        of_edition[one.edition_key][one.code] = one
    edition_key = expected.class_lookup.edition_key
    return BatchContext(
        system=source.system,
        system_name=source.crs,
        outline=locator.outline(),
        tolerance_m=city.place_tolerance_m,
        projected_epsg=city.projected_epsg,
        edition_key=edition_key,
        editions={
            key: {code: (one.name_zh, one.name_en) for code, one in edition.items()}
            for key, edition in of_edition.items()
        },
        class_names=gathered.class_names,
        read_as={
            key: _read_as(session, of_edition[edition_key], edition, city.edition_key)
            for key, edition in of_edition.items()
            if key != edition_key and expected.single_class is None
        },
        labels={one.id: f"{one.code} {one.name_zh} ({one.name_en})" for one in classes},
        delivered=delivered,
        registered=queries.spreads(session, sorted({class_id for class_id, _ in delivered})),
    )


def _read_as(
    session: Session,
    declared: Mapping[str, ComponentClass],
    other: Mapping[str, ComponentClass],
    city_edition_key: str,
) -> dict[int, int]:
    """Return for each class that a code is read as the one that it is in another edition."""
    read = _in_city(session, declared, city_edition_key)
    meant = _in_city(session, other, city_edition_key)
    return {
        read[code].id: meant[code].id
        for code in declared.keys() & other.keys()
        if code in read and code in meant and read[code].id != meant[code].id
    }


def _in_city(
    session: Session, edition: Mapping[str, ComponentClass], city_edition_key: str
) -> Mapping[str, ComponentClass]:
    """Return the city's own class for each code of an edition that has exactly one."""
    key = next(iter(edition.values())).edition_key
    if key == city_edition_key:
        return edition
    counterparts = catalogue.counterparts_between(session, key, city_edition_key)
    found: dict[str, Sequence[ComponentClass]] = {
        code: counterparts.get(one.id, ()) for code, one in edition.items()
    }
    return {code: several[0] for code, several in found.items() if len(several) == 1}
