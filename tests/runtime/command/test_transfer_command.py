"""`specformer transfer`: a run that begins with the weights of another, and trains."""

import errno
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from runtime.package import load_package
from runtime.run import Run
from tests.runtime.command.conftest import changed

Command = Callable[..., Any]
DEEPER = ("model.encoder.layers=2", "model.feed_forward.gated=true")


def beginning(run: Path) -> dict[str, torch.Tensor]:
    return load_file(run / "checkpoints" / "interim-00000000" / "model.safetensors")


def untrained(run: Path) -> dict[str, torch.Tensor]:
    """The weights that a training of the run's spec begins with."""
    package = load_package(run / "package")
    torch.manual_seed(package.spec.training.seed)
    return dict(package.model_class().state_dict())


def test_what_fits_is_taken_and_the_rest_begins_as_the_spec_says(
    specformer: Command, trained_run: Path, tiny: list[str]
) -> None:
    done = specformer(
        "transfer", trained_run, "demo", *changed(tiny, *DEEPER), "--out", "runs/deeper"
    )
    assert done.code == 0, done.err
    old, new = dict(Run.open(trained_run).load_model().state_dict()), beginning(Path("runs/deeper"))
    fresh, name = untrained(Path("runs/deeper")), "layers.0.feed_forward.hidden.weight"
    assert torch.equal(new["embedding.weight"], old["embedding.weight"])
    gate, hidden = new[f"encoder.{name}"].chunk(2)
    assert torch.equal(hidden, old[f"encoder.{name}"])
    assert torch.equal(gate, fresh[f"encoder.{name}"].chunk(2)[0])
    others = [each for each in new if each.startswith("encoder.layers.1.")]
    assert others
    assert all(torch.equal(new[each], fresh[each]) for each in others)
    count = sum(each.numel() for each in new.values())
    taken = sum(each.numel() for each in old.values())
    assert f"taken: {taken:,} ({taken / count:.1%})" in done.out
    assert ": the mean of the last 2 checkpoints" in done.out
    assert "encoder.layers.1.feed_forward.hidden.{weight,bias}" in done.out


@pytest.mark.quick
def test_the_next_command_trains(specformer: Command, trained_run: Path, tiny: list[str]) -> None:
    done = specformer(
        "transfer", trained_run, "demo", *changed(tiny, *DEEPER), "--out", "runs/deeper"
    )
    start = beginning(Path("runs/deeper"))
    _, _, command = done.out.rpartition("next:  specformer ")
    trained = specformer(*command.split())
    assert trained.code == 0, trained.err
    assert "continuing after update 0" in trained.err
    run = Run.open(Path("runs/deeper"))
    assert len(run.used().updates) == 2  # the beginning is none of those that are averaged
    end = run.load_model().state_dict()
    assert not torch.equal(end["embedding.weight"], start["embedding.weight"])
    again = specformer(*command.split())
    assert again.code == 0, again.err
    assert "the text has changed" not in again.err


@pytest.mark.quick
def test_tokens_keep_their_meaning_on_other_text(
    specformer: Command, trained_run: Path, tiny: list[str]
) -> None:
    """The new text is prepared with the tokenizers of the old run."""
    specformer("corpus", "other", "--train", 70, "--valid", 9, "--test", 9, "--seed", 3)
    options = changed(tiny, "data.folder=other")
    done = specformer("transfer", trained_run, "demo", *options, "--out", "runs/other")
    assert done.code == 0, done.err
    sides = [Run.open(each).tokenizers()[0] for each in (trained_run, Path("runs/other"))]
    text = "We thanked the policeman."
    assert sides[0].encode(text) == sides[1].encode(text)
    origin = json.loads(Path("runs/other/run.json").read_text())
    assert origin["transferred"]["averaged_checkpoints"] == 2
    trained = specformer("train", "runs/other/package", "--out", "runs/other", "--resume")
    assert trained.code == 0, trained.err


@pytest.mark.quick
def test_a_vocabulary_of_another_size_is_refused(
    specformer: Command, trained_run: Path, tiny: list[str]
) -> None:
    options = changed(tiny, "model.vocabulary.size=140")
    done = specformer("transfer", trained_run, "demo", *options, "--out", "runs/larger")
    assert done.code == 2
    assert "model.vocabulary {size: 130}, and demo has {size: 140}" in done.err
    assert not Path("runs").exists()


@pytest.mark.quick
def test_other_tokenizers_and_tasks_are_refused(
    specformer: Command, trained_run: Path, tiny: list[str]
) -> None:
    other = changed(tiny, "data.tokenizer={kind: segmented}")
    done = specformer("transfer", trained_run, "demo", *other, "--out", "runs/other")
    assert (done.code, "data.tokenizer" in done.err) == (2, True)
    options = [each for each in tiny if "decoder" not in each and "max_extra" not in each]
    options = [part for part in options if part != "--set"]
    settings = [part for each in options for part in ("--set", each)]
    done = specformer("transfer", trained_run, "masked-language-model", *settings, "--out", "r")
    assert (done.code, "no token for what is masked" in done.err) == (2, True)


@pytest.mark.quick
def test_an_existing_run_is_replaced_only_by_force(
    specformer: Command, trained_run: Path, tiny: list[str]
) -> None:
    arguments = ("transfer", trained_run, "demo", *tiny, "--out")
    assert specformer(*arguments, "runs/new").code == 0
    refused = specformer(*arguments, "runs/new")
    assert (refused.code, "runs/new exists already" in refused.err) == (2, True)
    assert specformer(*arguments, "runs/new", "--force").code == 0
    Path("notes").mkdir()
    done = specformer(*arguments, "notes", "--force")
    assert (done.code, "is no run" in done.err) == (2, True)
    own = shutil.copytree(trained_run, "own")
    done = specformer("transfer", own, "demo", *tiny, "--out", "own", "--force")
    assert (done.code, "gives the weights" in done.err) == (2, True)


@pytest.mark.quick
def test_nothing_fits(specformer: Command, trained_run: Path, tiny: list[str]) -> None:
    changes = ["model.d_model=24", "model.feed_forward.d_ff=40", "model.attention.bias=false"]
    options = changed(tiny, *changes)
    done = specformer("transfer", trained_run, "demo", *options, "--out", "runs/none")
    assert done.code == 2
    assert "no tensor of" in done.err


@pytest.mark.parametrize("folder", ["nowhere", "."])
def test_only_a_run_gives_weights(specformer: Command, folder: str) -> None:
    done = specformer("transfer", folder, "demo", "--out", "runs/none")
    assert (done.code, "is not a run" in done.err) == (2, True)


@pytest.mark.parametrize("is_there", [False, True])
def test_a_beginning_that_fails_leaves_what_was_there(
    is_there: bool,
    specformer: Command,
    trained_run: Path,
    tiny: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A run without the weights that it says it has would train from random ones."""
    command = ("transfer", trained_run, "demo", *changed(tiny, *DEEPER), "--out", "runs/deeper")
    if is_there:
        assert specformer(*command).code == 0

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    before = sorted(Path("runs").rglob("*"))
    with monkeypatch.context() as patched:
        patched.setattr("runtime.weights.run.write_checkpoint", full)
        done = specformer(*command, "--force")
    assert done.code == 2
    assert "the disk is full" in done.err
    assert sorted(Path("runs").rglob("*")) == before
    assert specformer(*command, "--force").code == 0


@pytest.mark.quick
def test_a_run_that_has_lost_its_beginning_does_not_begin_at_random(
    specformer: Command, trained_run: Path, tiny: list[str]
) -> None:
    specformer("transfer", trained_run, "demo", *changed(tiny, *DEEPER), "--out", "runs/deeper")
    shutil.rmtree("runs/deeper/checkpoints/interim-00000000")
    done = specformer("train", "runs/deeper/package", "--out", "runs/deeper", "--resume")
    assert done.code == 2
    assert "has lost the weights that it was to begin with" in done.err
