"""How commands answer: results on standard output, everything else on standard error."""

import csv
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from pydantic import BaseModel, TypeAdapter
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
    table.add_column()
    for name, value in facts:
        if value is not None and value != "":
            table.add_row(Text(name), Text(str(value)))
    results.print(table)


def print_table(columns: Sequence[str], rows: Iterable[Iterable[object]]) -> None:
    """Print rows as a table."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if value is None else str(value)) for value in row))
    results.print(table)


def print_csv(columns: Sequence[str], rows: Iterable[Iterable[object]]) -> None:
    """Print rows as CSV."""
    write_csv(sys.stdout, columns, rows)


def write_csv(file: TextIO, columns: Sequence[str], rows: Iterable[Iterable[object]]) -> None:
    """Write rows as CSV."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)


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
