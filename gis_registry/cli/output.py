"""How commands answer: results on standard output, everything else on standard error."""

import csv
import json
import os
import sys
import textwrap
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from pydantic import BaseModel, TypeAdapter
from rich.cells import cell_len
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

#: Where nobody looks at a terminal, lines are as long as they need to be.
_ENDLESS = 10_000
#: What a column of a table gets at least, where others keep their cells in one piece.
_NARROWEST = 12
_PADDING = 2
#: What formulas begin with, also as Chinese keyboards write it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def _open_closed_streams() -> None:
    """Let what is said into a stream that was closed go nowhere: Python has None for it."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  for all the run
            setattr(sys, name, nowhere)


def _console(*, stderr: bool) -> Console:
    """Return a console that prints text as it is: ``[a3]`` and ``:key:`` are somebody's words."""
    is_terminal = (sys.stderr if stderr else sys.stdout).isatty()
    return Console(
        stderr=stderr,
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=True,
        width=None if is_terminal else _ENDLESS,
    )


_open_closed_streams()
results = _console(stderr=False)
messages = _console(stderr=True)

Answer = BaseModel | Sequence[BaseModel] | Mapping[str, object] | Sequence[Mapping[str, object]]


def tell(sentence: str) -> None:
    """Say something that is not a result."""
    messages.print(sentence)


def print_sentence(sentence: str) -> None:
    """Say what was done, as the result of a command."""
    results.print(sentence)


def print_json(answer: Answer) -> None:
    """Print an answer as JSON, which scripts read."""
    plain = TypeAdapter(object).dump_python(answer, mode="json", by_alias=True)
    sys.stdout.write(json.dumps(plain, ensure_ascii=False, indent=2) + "\n")


def print_json_items(
    items: Iterable[Mapping[str, object]], *, head: str = "[", tail: str = "]"
) -> None:
    """Print many items as JSON, each as soon as it is there."""
    sys.stdout.write(head)
    for n, item in enumerate(items):
        sys.stdout.write(",\n" if n else "\n")
        sys.stdout.write(json.dumps(item, ensure_ascii=False))
    sys.stdout.write(f"\n{tail}\n")


def print_facts(facts: Iterable[tuple[str, object]]) -> None:
    """Print names and values under each other; those without a value are left out."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, value in facts:
        if value is not None and value != "":
            table.add_row(Text(name), Text(str(value)))
    results.print(table)


def print_table(columns: Sequence[str], rows: Iterable[Iterable[object]]) -> None:
    """Print rows as a table; where it is too wide, codes and times stay in one piece."""
    cells = [["" if value is None else str(value) for value in row] for row in rows]
    if not cells:
        tell("There are none.")
        return
    by_column = list(zip(*cells, strict=True))
    widths = [max(map(_width, column)) for column in by_column]
    codes = {n for n, column in enumerate(by_column) if not any(map(_has_words, column))}
    whole = _whole_columns(columns, widths, codes)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for n, (column, width) in enumerate(zip(columns, widths, strict=True)):
        heading = "\n".join(_broken(column, width)) if n in whole else column
        table.add_column(heading, overflow="fold", no_wrap=n in whole)
    for row in cells:
        table.add_row(*map(Text, row))
    results.print(table)


def _width(cell: str) -> int:
    return max(map(cell_len, cell.split("\n")))


def _has_words(cell: str) -> bool:
    return " " in cell or not cell.isascii()


def _broken(heading: str, width: int) -> list[str]:
    """Return the lines of a heading that stands over cells of this width."""
    longest = max(map(len, heading.split()), default=1)
    return textwrap.wrap(heading, max(width, longest))


def _whole_columns(
    columns: Sequence[str], widths: Sequence[int], codes: Collection[int]
) -> set[int]:
    """Return which columns keep their cells in one piece, as far as there is room.

    Codes, numbers and days go before words, and the narrow before the wide. None if there is room
    for the whole table.
    """
    gaps = _PADDING * (len(columns) - 1)
    full = map(max, map(cell_len, columns), widths)
    if sum(full) + gaps <= results.width:
        return set()
    needed = [
        max([width, *map(cell_len, _broken(column, width))])
        for column, width in zip(columns, widths, strict=True)
    ]
    room = results.width - gaps - sum(min(width, _NARROWEST) for width in needed)
    whole: set[int] = set()
    for n in sorted(range(len(columns)), key=lambda n: (n not in codes, needed[n])):
        room -= max(needed[n] - _NARROWEST, 0)
        if room < 0:
            break
        whole.add(n)
    return whole


def print_csv(
    columns: Sequence[str], rows: Iterable[Iterable[object]], *, words: Collection[str] = ()
) -> None:
    """Print rows as CSV; see :func:`write_csv`."""
    write_csv(sys.stdout, columns, rows, words=words)


def write_csv(
    file: TextIO,
    columns: Sequence[str],
    rows: Iterable[Iterable[object]],
    *,
    words: Collection[str] = (),
) -> None:
    """Write rows as CSV.

    Args:
        file: where to.
        columns: their names.
        rows: a value for each column.
        words: the columns that hold what somebody wrote, for people to read: none of their cells
            is a formula (:func:`no_formula`). What programs read stays as it is.
    """
    spoken = [name in words for name in columns]
    writer = csv.writer(_Lines(file), lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows(
        [no_formula(one) if said else one for one, said in zip(row, spoken, strict=True)]
        for row in rows
    )


class _Lines:
    """Ends the lines of a CSV writer as systems here do.

    A writer puts quotation marks only around what its own lines end with. Without them a carriage
    return in a cell would begin a line wherever the file is read.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, line: str) -> int:
        """Write a line."""
        return self._file.write(line.removesuffix("\r\n") + "\n")


def no_formula(words: object) -> object:
    """Return words with an apostrophe before them if a spreadsheet would take them for a formula.

    Whoever writes a reason or a name could else let it do what they like on the machine of who
    opens the file (CWE-1236).
    """
    return f"'{words}" if isinstance(words, str) and words.startswith(_FORMULA) else words


@contextmanager
def progress_bar() -> Iterator["ProgressBar"]:
    """Show how far long work is: a bar on a terminal, a line for each stage elsewhere."""
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=messages,
        transient=True,
        disable=not messages.is_terminal,
    ) as shown:
        yield ProgressBar(shown)


class ProgressBar:
    """Shows one stage after the other."""

    def __init__(self, shown: Progress) -> None:
        """Begin without a stage."""
        self._shown = shown
        self._stage: str | None = None
        self._task: TaskID | None = None

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        """Show that ``done`` of ``total`` (None: unknown) rows of a stage are done."""
        if stage != self._stage:
            self._stage = stage
            if self._task is not None:
                self._shown.remove_task(self._task)
            self._task = self._shown.add_task(stage, total=total)
            if self._shown.disable:
                tell(f"{stage} …")
        if self._task is not None:
            self._shown.update(self._task, completed=done)
