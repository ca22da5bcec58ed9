"""Tables and facts on a terminal of 80 columns, and where nobody looks at one."""

import csv
from io import StringIO

import pytest
from rich.cells import cell_len
from rich.console import Console

from gis_registry.cli import output

CODE = "3702020137000001"
NAME = "市南区路灯维护队（示例） Shinan District Lighting Maintenance Team (example)"


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> StringIO:
    shown = StringIO()
    console = Console(file=shown, width=80, markup=False, soft_wrap=True)
    monkeypatch.setattr(output, "results", console)
    return shown


def test_codes_and_days_of_a_wide_table_stay_in_one_piece(terminal: StringIO) -> None:
    columns = ["code", "name", "unit", "from", "until before"]
    output.print_table(columns, [[CODE, NAME, "QD-G-370202-T07", "2026-01-01", None]])
    lines = terminal.getvalue().splitlines()
    assert all(cell_len(line) <= 80 for line in lines)
    assert all(whole in terminal.getvalue() for whole in (CODE, "QD-G-370202-T07", "2026-01-01"))
    assert "Maintenance" in terminal.getvalue()
    assert not any("until before" in line for line in lines)  # in two lines, over a narrow column


def test_nothing_is_cut_off_where_even_codes_have_no_room(terminal: StringIO) -> None:
    output.print_table([f"column {n}" for n in range(9)], [[CODE] * 9])
    assert "".join(terminal.getvalue().split()).count("…") == 0
    assert sum(map(str.isdigit, terminal.getvalue())) == 9 + 9 * len(CODE)


def test_facts_are_broken_and_not_cut_off(terminal: StringIO) -> None:
    output.print_facts([("url", "z" * 200), ("name", f"{NAME} (QD-G-370202-T07)")])
    assert terminal.getvalue().count("z") == 200
    assert "…" not in terminal.getvalue()
    assert "(QD-G-370202-T07)" in terminal.getvalue()


def test_a_table_without_rows_says_so(
    terminal: StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    output.print_table(["code"], [])
    assert (terminal.getvalue(), capsys.readouterr().err) == ("", "There are none.\n")


def test_words_in_csv_are_no_formulas_and_what_programs_read_stays_as_it_is() -> None:
    said = [
        "=1+1",
        "+1",
        "-12.5",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "＝1",
        "",
        None,
        "a=1",
        -12.5,
    ]
    file = StringIO()
    output.write_csv(file, ["id", "reason"], [[one, one] for one in said], words={"reason"})
    assert file.getvalue().startswith("id,reason\n=1+1,'=1+1\n")
    header, *rows = csv.reader(StringIO(file.getvalue(), newline=""))
    assert header == ["id", "reason"]
    assert [row[0] for row in rows] == ["" if one is None else str(one) for one in said]
    assert [row[1] for row in rows] == [
        *("'=1+1", "'+1", "'-12.5", "'@SUM(A1)", "'\t=1", "'\r=1", "'\n=1", "'＝1"),
        *("", "", "a=1", "-12.5"),
    ]
