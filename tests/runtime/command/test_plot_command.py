"""`plot`: the curves of runs, whatever state they are in, and the schedules of specs."""

import json
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from compiler.page.chart import ALONE, Chart, Line, Panel, chart_svg
from compiler.page.terminal_chart import chart_lines
from compiler.pipeline import compile_spec
from compiler.spec.load import load
from runtime.command.plot import make_chart
from runtime.command.plot_sources import read_run, read_spec
from runtime.package import load_package
from tests.support.cairo import needs_cairo

pytestmark = pytest.mark.quick

Command = Callable[..., Any]
SVG = "{http://www.w3.org/2000/svg}"
ROOT = Path(__file__).parents[3]


def train_line(step: int, loss: float = 3.0) -> str:
    figures = {"kind": "train", "step": step, "nll": loss, "perplexity": 20.0, "loss": loss}
    return json.dumps(figures | {"learning_rate": 0.001, "tokens_per_second": 900.0})


def valid_line(step: int, loss: float = 3.5, **more: float) -> str:
    figures = {"kind": "valid", "step": step, "nll": loss, "perplexity": 30.0, "loss": loss + 0.25}
    return json.dumps(figures | more)


def make_run(folder: Path, *lines: str, end: str = "\n") -> Path:
    folder.mkdir()
    (folder / "metrics.jsonl").write_text("\n".join(lines) + end)
    return folder


def test_a_picture_has_every_curve_of_every_run(specformer: Command, tmp_path: Path) -> None:
    for name in ("one", "two"):
        make_run(tmp_path / name, *map(train_line, (1, 2, 3)), valid_line(3, bleu=20.5))
    ended = specformer("plot", "one", "two", "--out", "curves.svg")
    assert (ended.code, ended.out) == (0, "")
    picture = ElementTree.parse(tmp_path / "curves.svg").getroot()
    words = [each.text for each in picture.iter(f"{SVG}text")]
    for title in ("loss (nats)", "perplexity", "learning rate", "tokens per second"):
        assert title in words
    assert "BLEU, validation set" in words
    assert {"one", "two", "one 20.50", "two 20.50"} <= set(words)
    strokes = {each.get("stroke") for each in picture.iter(f"{SVG}path")}
    assert {"#0072b2", "#d55e00"} <= strokes


def test_labels_at_the_ends_of_lines_do_not_overlap(specformer: Command, tmp_path: Path) -> None:
    for number in range(6):
        make_run(tmp_path / f"r{number}", train_line(1), train_line(2, 3 + number / 1e4))
    names = [f"r{number}" for number in range(6)]
    assert specformer("plot", *names, "--curve", "loss", "--out", "curves.svg").code == 0
    picture = ElementTree.parse(tmp_path / "curves.svg").getroot()
    ends = [each for each in picture.iter(f"{SVG}text") if (each.text or "")[:1] == "r"]
    heights = sorted(float(each.get("y", 0)) for each in ends if " 3." in (each.text or ""))
    assert len(heights) == 6
    assert all(below - above >= 13.9 for above, below in pairwise(heights))


def test_labels_at_the_ends_of_lines_are_above_the_axis() -> None:
    lines = tuple(Line(series=each, points=((1.0, 1.0), (9.0, 0.0))) for each in range(3))
    panel = Panel(title="rate", lines=lines, begins_at_zero=True)
    chart = Chart(title="t", across="updates", series=("x", "y", "z"), panels=(panel,))
    texts = list(ElementTree.fromstring(chart_svg(chart)).iter(f"{SVG}text"))
    heights = {each.text: float(each.get("y", 0)) for each in texts}
    axis = ALONE[1]
    assert heights["updates"] > axis
    assert all(heights[f"{name} 0"] <= axis - 3 for name in "xyz")


def test_a_missing_bleu_is_explained_where_it_is_asked_for(
    specformer: Command, tmp_path: Path
) -> None:
    said = []
    settings = (("demo", "training.validation.bleu=false"), ("classifier", "training.seed=2"))
    for number, (spec, setting) in enumerate(settings):
        run = make_run(tmp_path / str(number), train_line(1), valid_line(1))
        compile_spec(spec, [setting]).write(run / "package")
        assert not any("BLEU" in note for note in read_run(run).notes)
        said.append(specformer("plot", run, "--curve", "bleu").err)
    assert "`training.validation.bleu` is not set" in said[0]
    assert "a classification has none" in said[1]


def test_the_learning_rate_of_a_run_is_its_schedule(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", train_line(40), train_line(80))
    compile_spec("demo", ["training.schedule.warmup_steps=5"]).write(run / "package")
    (rates,) = read_run(run).curves["learning_rate"]
    assert max(rates.points, key=lambda point: point[1])[0] == 5
    assert rates.points[-1][0] == 80
    recipe = run / "package" / "training.py"
    recipe.write_text(recipe.read_text() + "# edited\n")
    (rates,) = read_run(run).curves["learning_rate"]
    assert [step for step, _ in rates.points] == [40, 80]


def test_a_path_at_which_nothing_is_is_said_to_be_no_run(specformer: Command) -> None:
    ended = specformer("plot", "runs/nosuch")
    assert (ended.code, ended.err.startswith("error: there is no run runs/nosuch")) == (2, True)


def test_a_run_that_was_killed_and_damaged_is_drawn(specformer: Command, tmp_path: Path) -> None:
    """The last line is half written, one is no JSON, one has no finite loss."""
    lines = (train_line(1), "rubbish", train_line(2, float("nan")), train_line(3), train_line(4))
    make_run(tmp_path / "run", *lines, end="")
    text = (tmp_path / "run" / "metrics.jsonl").read_text()
    (tmp_path / "run" / "metrics.jsonl").write_text(text[:-10])
    source = read_run(tmp_path / "run")
    (loss,) = source.curves["loss"]
    assert loss.points == ((1.0, 3.0), (3.0, 3.0))
    ended = specformer("plot", "run")
    assert ended.code == 0
    said = " ".join(ended.out.split())
    assert "line 2 of metrics.jsonl cannot be read, and left out" in said
    assert "the loss is no finite number at update 2" in said
    assert "no validation yet" in said


def test_points_are_in_the_order_of_updates(tmp_path: Path) -> None:
    """A resumed run may write an update again: the last counts, and 1,000 comes after 900."""
    steps = ((1000, 2.0), (900, 2.5), (1000, 1.5))
    run = make_run(tmp_path / "run", *(train_line(step, loss) for step, loss in steps))
    assert read_run(run).curves["loss"][0].points == ((900.0, 2.5), (1000.0, 1.5))


@pytest.mark.parametrize("columns", [None, 60, 100])
def test_text_is_plain_and_fits_into_the_columns(
    specformer: Command, monkeypatch: pytest.MonkeyPatch, columns: int | None
) -> None:
    monkeypatch.delenv("COLUMNS")
    if columns:
        monkeypatch.setenv("COLUMNS", str(columns))
    runs = [ROOT / "docs" / "results" / each for each in ("multi30k-tiny", "multi30k-raw")]
    ended = specformer("plot", *runs)
    assert ended.code == 0
    assert ended.out.isascii()
    widest = max(map(len, ended.out.splitlines()))
    assert (columns or 80) - 10 <= widest <= (columns or 80)
    assert "* multi30k-tiny" in ended.out
    assert "o multi30k-raw" in ended.out
    assert ". loss and perplexity of the training set" in ended.out


def test_the_loss_is_the_one_that_training_prints(specformer: Command, tmp_path: Path) -> None:
    make_run(tmp_path / "run", train_line(1), valid_line(2, 5.136))
    ended = specformer("plot", "run", "--curve", "loss")
    assert "run ends at 5.386" in ended.out
    assert "5.136" not in ended.out
    assert "cross-entropy with label smoothing, as `train` prints it" in " ".join(ended.out.split())


def test_few_points_are_marked(specformer: Command, tmp_path: Path) -> None:
    make_run(tmp_path / "run", train_line(1), *map(valid_line, range(2, 4)))
    assert specformer("plot", "run", "--out", "few.svg").code == 0
    picture = ElementTree.parse(tmp_path / "few.svg").getroot()
    assert len(list(picture.iter(f"{SVG}circle"))) == 2 * 3 + 2
    make_run(tmp_path / "long", *map(valid_line, range(1, 40)))
    assert specformer("plot", "long", "--out", "many.svg").code == 0
    assert not list(ElementTree.parse(tmp_path / "many.svg").getroot().iter(f"{SVG}circle"))
    for count in (1, 2):
        line = Line(series=0, points=tuple((1.0 + each, 2.0 + each) for each in range(count)))
        panel = Panel(title="loss", lines=(line,))
        chart = Chart(title="t", across="updates", series=("x",), panels=(panel,))
        rows = chart_lines(chart, 80, is_unicode=True)
        text = "".join(piece.words for row in rows for piece in row)
        assert text.count("\u25cf") == count


def test_perplexity_is_logarithmic_whatever_else_is(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", train_line(1), valid_line(1))
    chart = make_chart([read_run(run)], ["loss", "perplexity"], ["loss"])
    assert [panel.is_logarithmic for panel in chart.panels] == [True, True]
    chart = make_chart([read_run(run)], ["loss", "perplexity"], [])
    assert [panel.is_logarithmic for panel in chart.panels] == [False, True]


def test_on_terminals_lines_are_dots_with_letters_at_their_ends() -> None:
    lines = tuple(Line(series=each, points=((1, 1 + each), (9, 9 - each))) for each in range(2))
    panel = Panel(title="loss", lines=lines)
    chart = Chart(title="t", across="updates", series=("x", "y"), panels=(panel,))
    rows = list(chart_lines(chart, 80, is_unicode=True))
    text = ["".join(piece.words for piece in row) for row in rows]
    assert max(map(len, text)) <= 80
    plot = "".join(row.partition("\u2502")[2] for row in text)
    assert any(0x2800 < ord(each) < 0x2900 for each in plot)
    assert plot.count("a") == plot.count("b") == 1
    assert {piece.series for row in rows for piece in row} == {None, 0, 1}


@pytest.mark.parametrize(
    "spec", ["transformer-base", "demo", "adamw-cosine", "wsd", "sgd", "multi30k-raw"]
)
def test_a_schedule_is_what_the_generated_code_gives(spec: str, tmp_path: Path) -> None:
    package = compile_spec(spec)
    folder = tmp_path / package.folder_name
    package.write(folder)
    rate = load_package(folder).training_module.learning_rate
    (curve,) = read_spec(package.loaded, spec).curves["learning_rate"]
    assert curve.points[0][0] == 1
    assert curve.points[-1][0] == package.spec.training.steps
    assert package.spec.training.schedule.warmup_steps in [step for step, _ in curve.points]
    assert all(value == rate(int(step)) for step, value in curve.points)


def test_schedules_are_drawn_without_torch() -> None:
    script = (
        "import sys\nsys.argv = ['specformer', 'plot', 'demo', 'wsd', '--log', 'updates']\n"
        "from runtime.command.app import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "assert 'torch' not in sys.modules\n"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "learning rate" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing"], "there is no spec `nothing`"),
        (["empty"], "is not the folder of a run"),
        (["table"], "it is an ablation: its runs are table/rows/*/run"),
        (["new"], "has no figures yet"),
        (["demo", "--curve", "bleu"], "there are no figures of bleu in demo"),
        (["demo", "--set", "training.steps=null", "--set", "training.epochs=3"], "3 epochs"),
        (["demo", "--out", "curves.jpg"], "curves.jpg does not end in .svg, .pdf or .png"),
        (["demo", "--out", "there.svg"], "exists already"),
        (["damaged"], "holds no figures: line 1 cannot be read"),
        (["demo", "--log", "loss"], "--log loss has no effect: no loss is drawn"),
        (["x" * 300], "there is no spec"),
        (["demo"] * 11, "at most 10 lines"),
        (["demo", "--curve", "speed"], "speed"),
    ],
)
def test_mistakes_are_explained(
    specformer: Command, tmp_path: Path, arguments: list[str], said: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "table").mkdir()
    (tmp_path / "table" / "ablation.json").write_text("{}")
    make_run(tmp_path / "new", end="")
    make_run(tmp_path / "damaged", "rubbish")
    (tmp_path / "there.svg").write_text("")
    ended = specformer("plot", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err


def test_without_cairosvg_the_extra_is_named(
    specformer: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cairosvg", None)
    ended = specformer("plot", "demo", "--out", "schedule.png")
    assert ended.code == 2
    assert "pip install cairosvg" in ended.err
    assert not (tmp_path / "schedule.png").exists()


@needs_cairo
def test_a_png_is_drawn(specformer: Command, tmp_path: Path) -> None:
    assert specformer("plot", "demo", "--out", "schedule.png").code == 0
    assert (tmp_path / "schedule.png").read_bytes().startswith(b"\x89PNG")


def test_batches_and_texts_that_grow_are_drawn_beside_the_rate() -> None:
    settings = ["training.accumulate=4", "training.batch_warmup.steps=2000"]
    source = read_spec(load(str(ROOT / "tests/cases/context-warmup/spec.yaml"), settings), "small")
    assert list(source.curves) == ["learning_rate", "micro_batches", "context"]
    (batches,), (texts,) = source.curves["micro_batches"], source.curves["context"]
    assert [dict(batches.points)[step] for step in (1, 2001, 5000)] == [1, 4, 4]
    assert [dict(texts.points)[step] for step in (1, 1001, 5000)] == [16, 128, 128]
    chart = make_chart([source], ["learning_rate", "micro_batches", "context"], [])
    assert chart.title == "Schedules"
    assert len(chart.panels) == 3
