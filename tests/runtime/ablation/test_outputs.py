"""The files that are made of an ablation's folder."""

import csv
import importlib.util
import io
import os
import re
import shutil
import subprocess
import sys
from errno import ENOSPC
from pathlib import Path

import pytest

from compiler.page.latex import escaped as latex_escaped
from runtime.ablation.collect import read_ablation
from runtime.ablation.curves import draw_png, draw_svg
from runtime.ablation.grid import fitting
from runtime.ablation.learning import read_curves
from runtime.ablation.outputs import tabulate, write_reports
from runtime.command.page import print_page, terminal_width
from runtime.errors import UserError
from tests.support.ablations import DIVERGED, PLANS, Bench

GOLDEN = Path(__file__).parent / "golden"
FILES = {
    *("table.txt", "table.md", "table.tex", "table.csv", "runs.csv"),
    *("curves.svg", "curves.png", "report.html"),
}


@pytest.fixture
def folder(bench: Bench) -> Path:
    """With a row of each fate."""
    failures = {"c-n1-seed1": DIVERGED, "c-n1-seed2": DIVERGED, "a-h8-seed2": DIVERGED}
    return bench.write(failures=failures, missing=["e-learned-seed1", "e-learned-seed2"])


@pytest.mark.parametrize("name", ["table.txt", "table.md", "table.tex", "table.csv"])
def test_tables_are_as_before(folder: Path, name: str, request: pytest.FixtureRequest) -> None:
    write_reports(tabulate(folder))
    text = re.sub(r"version:[\d.]+", "version:X", (folder / name).read_text())
    if request.config.getoption("--update-golden"):
        (GOLDEN / name).write_text(text)
    assert text == (GOLDEN / name).read_text()


@pytest.mark.quick
def test_all_files_are_written_whole_and_alike(folder: Path) -> None:
    paths = write_reports(tabulate(folder))
    assert {path.name for path in paths} == FILES
    before = {path.name: path.read_bytes() for path in paths}
    assert {path.name: path.read_bytes() for path in write_reports(tabulate(folder))} == before
    assert not list(folder.glob(".*unfinished"))


def test_runs_are_one_line_each(folder: Path) -> None:
    write_reports(tabulate(folder))
    lines = list(csv.DictReader(io.StringIO((folder / "runs.csv").read_text())))
    assert [(line["row"], line["seed"]) for line in lines[:3]] == [
        ("base", "1"),
        ("base", "2"),
        ("a-h1", "1"),
    ]
    assert len(lines) == 2 * len(PLANS)
    results = {each.queued.name: each.result for each in read_ablation(folder).outcomes}
    for line in lines:
        result = results[f"{line['row']}-seed{line['seed']}"]
        assert line["test_bleu"] == ("" if result is None else str(result.scores["test_bleu"]))
    assert float(lines[2]["test_bleu_p"]) < 0.05
    assert lines[0]["test_bleu_p"] == ""


def test_latex_is_well_formed(folder: Path) -> None:
    write_reports(tabulate(folder))
    text = (folder / "table.tex").read_text()
    opened = re.findall(r"\\(begin|end)\{(\w+)\}", text)
    stack = []
    for kind, name in opened:
        if kind == "begin":
            stack.append(name)
        else:
            assert stack.pop() == name
    assert not stack
    (alignment,) = re.findall(r"\\begin\{tabular\}\{(\w+)\}", text)
    body = text[text.index("\\toprule") : text.index("\\bottomrule")]
    rows = [line for line in body.splitlines() if line.endswith(r"\\")]
    assert len(rows) == 1 + len(PLANS)
    assert {len(re.split(r"(?<!\\)&", row)) for row in rows} == {len(alignment)}
    assert text.count("$") % 2 == 0
    assert text.isascii(), "any TeX engine reads it"
    depth = 0
    for sign in re.sub(r"\\[{}]", "", text):
        depth += (sign == "{") - (sign == "}")
        assert depth >= 0
    assert depth == 0


@pytest.mark.quick
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="there is no pdflatex here")
def test_latex_compiles(folder: Path, tmp_path: Path) -> None:
    write_reports(tabulate(folder))
    preamble = r"\documentclass{article}\usepackage{amsmath,booktabs}"
    text = rf"{preamble}\begin{{document}}\input{{{folder / 'table.tex'}}}\end{{document}}"
    (tmp_path / "paper.tex").write_text(text)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.quick
def test_signs_that_mean_something_are_escaped() -> None:
    assert latex_escaped("a_b 50% & {x} ~ 10⁶ −1") == (
        r"a\_b 50\% \& \{x\} \textasciitilde{} $10^{6}$ $-$1"
    )


def test_markdown_rows_have_the_cells_of_the_head(folder: Path) -> None:
    write_reports(tabulate(folder))
    lines = [line for line in (folder / "table.md").read_text().splitlines() if line[:1] == "|"]
    assert len({len(re.split(r"(?<!\\)\|", line)) for line in lines}) == 1
    assert len(lines) == 2 + len(PLANS)


def shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """The table as the command prints it."""
    grid, width = tabulate(folder).grid, terminal_width()
    print_page(fitting(grid, width) if width else grid)
    return capsys.readouterr().out


def test_the_terminal_has_colours_and_a_pipe_has_none(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_reports(tabulate(folder))
    assert shown(folder, capsys) == (folder / "table.txt").read_text()
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "200")
    coloured = shown(folder, capsys)
    assert "\x1b[31m" in coloured
    assert "diverged" in coloured
    assert "too narrow" not in coloured


@pytest.mark.parametrize("columns", [100, 90])
def test_a_narrow_terminal_cuts_nothing_in_two(
    folder: Path,
    columns: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in (("FORCE_COLOR", "1"), ("TERM", "dumb-256color"), ("COLUMNS", str(columns))):
        monkeypatch.setenv(name, value)
    seen = shown(folder, capsys)
    assert "…" not in seen
    assert "too narrow for the" in seen
    assert ("sinusoidal" in seen) == (columns == 100)


def test_curves_are_the_same_bytes_in_another_process(folder: Path) -> None:
    curves = read_curves(read_ablation(folder))
    svg = draw_svg(curves)
    script = (
        "import sys; from pathlib import Path\n"
        "from runtime.ablation.collect import read_ablation\n"
        "from runtime.ablation.curves import draw_svg\n"
        "from runtime.ablation.learning import read_curves\n"
        "sys.stdout.write(draw_svg(read_curves(read_ablation(Path(sys.argv[1])))))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder)],
        env=os.environ | {"PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == svg
    assert "dc:date" not in svg
    assert "prefers-color-scheme: dark" in svg
    assert draw_png(curves) == draw_png(curves)


def test_curves_are_means_over_seeds_and_end_where_a_run_does(folder: Path) -> None:
    curves = {curve.row: curve for curve in read_curves(read_ablation(folder))}
    assert set(curves) == {"base", "a-h1", "a-h8", "b-dk8", "c-n1"}
    assert [curve.panel for curve in curves.values()] == ["base", "(A)", "(A)", "(B)", "(C)"]
    assert curves["a-h1"].label == "h = 1"
    assert curves["c-n1"].points[-1].step == 300
    first = curves["a-h1"].points[0]
    assert len(first.losses) == 2
    assert first.mean == pytest.approx(sum(first.losses) / 2)


@pytest.mark.quick
def test_a_line_that_a_killed_run_left_is_none(bench: Bench) -> None:
    folder = bench.write(PLANS[:1], seeds=(1,))
    metrics = bench.place("base-seed1") / "run" / "metrics.jsonl"
    (before,) = read_curves(read_ablation(folder))
    metrics.write_text(metrics.read_text() + '{"kind": "valid", "step": 1050, "nl')
    (after,) = read_curves(read_ablation(folder))
    assert after.points == before.points


@pytest.mark.parametrize("damage", ["{ours}", '{"kind": "valid"}', '{"kind": "valid", "nll": {}}'])
def test_a_damaged_line_is_named(bench: Bench, damage: str) -> None:
    folder = bench.write(PLANS[:1], seeds=(1,))
    metrics = bench.place("base-seed1") / "run" / "metrics.jsonl"
    metrics.write_text(f"{damage}\n{metrics.read_text()}")
    with pytest.raises(UserError, match=r"line 1 of .*metrics\.jsonl cannot be read"):
        read_curves(read_ablation(folder))


def test_without_matplotlib_all_but_the_curves(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec

    def without(name: str, package: str | None = None) -> object:
        return None if name == "matplotlib" else found(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", without)
    assert {path.name for path in write_reports(tabulate(folder))} == {
        name for name in FILES if not name.startswith("curves")
    }
    page = (folder / "report.html").read_text()
    assert "pip install matplotlib" in page
    assert "<svg" not in page


@pytest.mark.quick
def test_nothing_has_run_yet(bench: Bench) -> None:
    missing = [f"{plan.name}-seed{seed}" for plan in PLANS for seed in (1, 2)]
    folder = bench.write(missing=missing)
    assert "curves.svg" not in {path.name for path in write_reports(tabulate(folder))}
    assert (folder / "table.txt").read_text().count("not run") == len(PLANS)
    assert "no run has looked" in (folder / "report.html").read_text()


def test_a_full_disk_leaves_the_old_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_reports(tabulate(folder))
    before = (folder / "table.txt").read_text()

    def full(_path: Path, _content: bytes) -> int:
        raise OSError(ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(UserError, match="disk is full"):
        write_reports(tabulate(folder))
    assert (folder / "table.txt").read_text() == before
