"""The commands: what they refuse, and one round of the real thing."""

import ast
import json
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest

from benchmarks import architecture, command, decode, machine, train, trials
from benchmarks.architecture import SIZES, Architecture, compile_size
from benchmarks.engines.engine import Practice, Precision
from compiler.pipeline import compile_spec
from runtime.data.pairs import load_pairs
from runtime.errors import UserError
from tests.benchmarks.conftest import ROWS, SMALL

Run = Callable[..., None]
PRECISIONS = get_args(Precision)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """run(train.main, "--rounds", "1"): with these arguments, on a machine that is free."""
    monkeypatch.setattr(machine.os, "getloadavg", lambda: (0.0, 0.0, 0.0))

    def call(main: Callable[[], None], *arguments: str) -> None:
        monkeypatch.setattr(sys, "argv", ["benchmark", *arguments])
        main()

    return call


@pytest.mark.quick
@pytest.mark.parametrize("main", [train.main, decode.main])
def test_text_that_is_not_there_is_explained(
    main: Callable[[], None], run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "find_spec", lambda _: True)
    with pytest.raises(UserError, match="the text of multi30k-tiny is not there") as caught:
        run(main, "--engines", "ours", "--data", str(tmp_path / "nowhere"))
    assert "--data FOLDER" in caught.value.help


@pytest.mark.quick
@pytest.mark.parametrize("main", [train.main, decode.main])
def test_a_busy_machine_is_refused(
    main: Callable[[], None], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "find_spec", lambda _: True)
    monkeypatch.setattr(machine.os, "getloadavg", lambda: (2.6, 0.0, 0.0))
    with pytest.raises(UserError, match=r"the machine is busy: 2\.6 processes"):
        run(main)


@pytest.mark.quick
def test_a_missing_peer_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "find_spec", lambda name: name != "transformers" or None)
    with pytest.raises(UserError, match="transformers is not installed"):
        run(train.main)


@pytest.mark.quick
@pytest.mark.parametrize(
    ("error", "code"), [(UserError("no text"), 2), (command.Disagreement("other loss"), 1)]
)
def test_failures_end_with_a_message_and_no_traceback(
    error: Exception, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(SystemExit) as end:
        command.finish(fail)
    assert end.value.code == code
    assert capsys.readouterr().err == f"error: {error}\n"


@pytest.mark.quick
@pytest.mark.parametrize(
    ("main", "words", "message"),
    [
        (train.main, "--rounds 0", "argument --rounds: expected at least 1, got 0"),
        (train.main, "--batches 0", "argument --batches: expected at least 1, got 0"),
        (train.main, "--warm-up -1", "argument --warm-up: expected at least 1, got -1"),
        (train.main, "--attention-dropout 1", "from 0 on and below 1, got 1"),
        (train.main, "--random-text 0", "argument --random-text: expected at least 5, got 0"),
        (decode.main, "--sentences 0", "argument --sentences: expected at least 1, got 0"),
        (decode.main, "--length few", "argument --length: expected a whole number, got 'few'"),
        (trials.main, "--batches 0", "argument --batches: expected at least 1, got 0"),
    ],
)
def test_numbers_that_measure_nothing_are_refused(
    main: Callable[[], None],
    words: str,
    message: str,
    run: Run,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as end:
        run(main, *words.split())
    assert end.value.code == 2
    assert capsys.readouterr().err.rstrip().endswith(message)


@pytest.mark.quick
def test_every_number_of_a_command_line_has_its_bounds() -> None:
    """The types of `benchmarks/arguments.py` are the only ones of numbers."""
    for file in Path(train.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.keyword) and node.arg == "type":
                assert ast.unparse(node.value) not in ("int", "float"), file


def test_one_round_of_training(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(architecture.SIZES, "tiny", SMALL)
    out = tmp_path / "out" / "train.json"
    words = ["--size", "tiny", "--attention-dropout", "0", "--engines", "ours", "--rounds", "1"]
    words += ["--batches", "2", "--random-text", str(ROWS), "--out", str(out)]
    run(train.main, *words)
    (case,) = json.loads(out.read_text())["cases"]
    (ours,) = case["engines"]
    assert ours["name"] == "ours"
    assert ours["median"] == ours["tokens_a_second"][0] > 0
    assert case["flops_a_token"] > 3 * 2 * case["parameters"] / 2
    assert "| specformer |" in capsys.readouterr().out


def test_the_fastest_of_all_trials_is_measured(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(architecture.SIZES, "tiny", SMALL)
    ways = [Practice(precision=each, attention="chosen by the library") for each in PRECISIONS]
    monkeypatch.setattr(trials, "practices", lambda *_: ways)
    found, out = tmp_path / "trials.json", tmp_path / "train.json"
    words = ["--size", "tiny", "--attention-dropout", "0", "--engines", "ours", "--batches", "1"]
    words += ["--random-text", str(ROWS)]
    run(trials.main, *words, "--out", str(found))
    (tried,) = json.loads(found.read_text())["cases"]
    assert [each["practice"]["precision"] for each in tried["trials"]] == list(PRECISIONS)
    run(train.main, *words, "--rounds", "1", "--best", str(found), "--out", str(out))
    (case,) = json.loads(out.read_text())["cases"]
    best = max(tried["trials"], key=lambda trial: float(trial["tokens_a_second"]))
    assert case["practices"]["ours"].startswith(best["practice"]["precision"])
    with pytest.raises(UserError, match="no file has trials of ours, base"):
        trials.best_practices([found], "base", 0.0, ["ours"])
    with pytest.raises(UserError, match="holds no trials"):
        trials.best_practices([out.with_name("none.json")], "tiny", 0.0, ["ours"])


@pytest.mark.quick
@pytest.mark.parametrize("size", SIZES)
def test_peers_can_build_all_sizes(size: str) -> None:
    compiled = compile_size(SIZES[size], dropout=0.1, attention_dropout=0.1)
    numbers = Architecture.of(compiled.spec)
    assert (numbers.size, numbers.vocabulary) == (size, 9712)
    assert (numbers.dropout, numbers.attention_dropout) == (0.1, 0.1)
    assert compiled.spec.training.clip_norm is None


@pytest.mark.quick
@pytest.mark.parametrize(
    "setting", ["model.attention.bias=false", "model.feed_forward.dropout=0.1"]
)
def test_other_forms_are_refused(setting: str) -> None:
    with pytest.raises(UserError, match="the other libraries cannot build multi30k-tiny"):
        Architecture.of(compile_spec("multi30k-tiny", [setting]).spec)


def test_prepared_text_has_the_folders_that_engines_read(tmp_path: Path) -> None:
    for part, count in ("train", 8), ("valid", 3), ("test.2016", 5):
        for language in "en", "de":
            (tmp_path / f"{part}.{language}").write_text("a b c\n" * count)
    settings = (f"data.folder={tmp_path}", "model.vocabulary.size=7")
    spec = compile_spec("multi30k-tiny", settings).spec
    options = Namespace(random_text=None, cache=tmp_path / "cache")
    text = command.text_folder(spec, options, tmp_path)
    assert len(load_pairs(text / command.TRAIN)) == 8
    assert len(load_pairs(text / command.TEST)) == 5
