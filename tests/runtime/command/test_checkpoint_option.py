"""`--checkpoint`: which weights a command uses, and that it says so."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import runtime
from runtime.errors import UserError
from runtime.inference.translator import Translator

Command = Callable[..., Any]


def test_every_update_with_a_checkpoint_can_be_used(specformer: Command, trained_run: Path) -> None:
    """The run has checkpoints of updates 2 and 4."""
    lines = trained_run / "package" / "model.py"  # any text will do
    said = {}
    for choice in ("2", "4", "best", "last"):
        arguments = ("translate", trained_run, "--input", lines, "--checkpoint", choice)
        ended = specformer(*arguments)
        assert ended.code == 0, ended.err
        said[choice] = next(each for each in ended.err.splitlines() if "weights: " in each)
    assert said["2"] == "weights: the checkpoint of update 2"
    assert said["last"] == "weights: the mean of the last 2 checkpoints, of updates 2 to 4"
    assert said["best"] in {f"weights: the best checkpoint, of update {n}" for n in (2, 4)}


@pytest.mark.quick
def test_the_report_of_an_evaluation_names_its_checkpoints(
    specformer: Command, trained_run: Path
) -> None:
    ended = specformer("evaluate", trained_run, "--split", "valid", "--checkpoint", 2)
    assert ended.code == 0, ended.err
    assert "weights: the checkpoint of update 2" in ended.out
    report = json.loads((trained_run / "evaluation-valid.json").read_text())
    assert (report["checkpoint"], report["updates"]) == ("2", [2])


@pytest.mark.quick
def test_a_mean_of_the_best_checkpoint_is_refused(specformer: Command, trained_run: Path) -> None:
    ended = specformer("evaluate", trained_run, "--checkpoint", "best", "--average", 2)
    assert ended.code == 2
    assert "add --checkpoint last" in ended.err


@pytest.mark.quick
@pytest.mark.parametrize("arguments", [("translate",), ("evaluate",), ("transfer",)])
def test_an_empty_name_is_refused(
    specformer: Command, trained_run: Path, arguments: tuple[str, ...]
) -> None:
    more = ("demo", "--out", "new") if arguments == ("transfer",) else ()
    ended = specformer(*arguments, trained_run, "--checkpoint", "", *more)
    assert (ended.code, "the name of the checkpoint is empty" in ended.err) == (2, True), ended.err


@pytest.mark.quick
def test_python_chooses_a_checkpoint(trained_run: Path) -> None:
    scores = []
    for each in (2, 4, "4"):
        translator = runtime.load(trained_run, checkpoint=each, device="cpu")
        assert isinstance(translator, Translator)
        scores.append(translator.translate_n_best(["A dog sleeps."], 1)[0][0].score)
    assert scores[0] != scores[1] == scores[2]
    with pytest.raises(UserError, match="has no checkpoint of update 3"):
        runtime.load(trained_run, checkpoint=3)
