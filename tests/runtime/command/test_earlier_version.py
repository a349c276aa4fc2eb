"""A run of an earlier version (0.1, at acd5445), in an archive, is used and goes on.

The archive holds the run after 4 of its 8 updates, with the spec, the text and the prepared text
that it was begun with; and, as that version computed them, its translations and its scores then,
and its weights after the 8 updates.
"""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import runtime
from runtime.data.checksummed import read_sealed, write_sealed
from tests.runtime.command.conftest import Command

pytestmark = pytest.mark.quick

ARCHIVE = "run-0.1.tar.xz"


def test_it_translates_as_it_did(specformer: Command, expected: Path) -> None:
    ended = specformer("translate", "run", "--input", "text/test.en", "--device", "cpu")
    assert ended.code == 0, ended.err
    assert ended.out == (expected / "translations.txt").read_text()


def test_it_loads_in_python(specformer: Command, expected: Path) -> None:
    assert specformer("list").code == 0  # in the folder of the archive
    lines = Path("text/test.en").read_text().splitlines()
    assert runtime.load("run").translate(lines) == (
        (expected / "translations.txt").read_text().splitlines()
    )


def test_it_scores_as_it_did(specformer: Command, expected: Path) -> None:
    ended = specformer("evaluate", "run", "--device", "cpu")
    assert ended.code == 0, ended.err
    scores = json.loads(Path("run/evaluation-test.json").read_text())
    then = json.loads((expected / "evaluation-test.json").read_text())
    assert {key: scores[key] for key in ("bleu", "chrf")} == pytest.approx(
        {key: then[key] for key in ("bleu", "chrf")}
    )


def test_it_goes_on_as_it_would_have(specformer: Command, expected: Path) -> None:
    """The text is prepared anew beside that of the earlier version, which is left alone."""
    old = {path: path.read_bytes() for path in Path("data").rglob("*") if path.is_file()}
    ended = specformer("train", "spec.yaml", "--out", "run", "--resume", "--device", "cpu")
    assert ended.code == 0, ended.err
    assert "preparing text into" in ended.err
    assert "continuing after update 4" in ended.err
    found = load_file("run/checkpoints/step-00000008/model.safetensors")
    then = load_file(expected / "continued.safetensors")
    torch.testing.assert_close(found, then, rtol=1e-4, atol=1e-6)
    assert {path: path.read_bytes() for path in old} == old


def test_it_goes_on_for_longer_than_its_spec_said(specformer: Command, expected: Path) -> None:
    options = ("--set", "training.steps=12", "--out", "run", "--resume", "--device", "cpu")
    ended = specformer("train", expected.parent / "spec.yaml", *options)
    assert ended.code == 0, ended.err
    assert Path("run/checkpoints/step-00000012").is_dir()


def test_an_edit_of_its_recipe_does_not_give_way(specformer: Command, expected: Path) -> None:
    recipe = expected.parent / "run" / "package" / "training.py"
    recipe.write_text(recipe.read_text() + "# mine\n")
    options = ("--set", "training.steps=12", "--out", "run", "--resume", "--device", "cpu")
    ended = specformer("train", "spec.yaml", *options)
    assert ended.code == 2
    assert "is not what its spec compiles to" in ended.err
    assert recipe.read_text().endswith("# mine\n")


def test_it_gives_its_weights_to_a_run_of_today(specformer: Command, expected: Path) -> None:
    ended = specformer("transfer", "run", expected.parent / "spec.yaml", "--out", "new")
    assert ended.code == 0, ended.err
    assert "(100.0%)" in ended.out
    assert specformer("train", "new/package", "--out", "new", "--resume").code == 0


def test_its_code_is_not_said_to_be_edited(specformer: Command, expected: Path) -> None:
    ended = specformer("diff", expected.parent / "run", "spec.yaml")
    assert ended.code == 1, ended.err
    assert "another version of specformer, or edited before the run began" in ended.out
    assert "edited by hand" not in ended.out


def test_its_own_tokenizer_is_kept(specformer: Command, expected: Path) -> None:
    """Even where the tokenizer that is learned of the same text today is another."""
    own = expected.parent / "run" / "tokenizers" / "source"
    description, content = read_sealed(own)
    *tokens, last = content.splitlines()
    write_sealed(own, description, b"\n".join((*tokens[:-1], last, tokens[-1], b"")))
    ended = specformer("train", "spec.yaml", "--out", "run", "--resume", "--device", "cpu")
    assert ended.code == 0, ended.err
    assert "other tokens than the run: it is prepared with the tokenizers in" in ended.err
    assert ended.err.count("preparing text into") == 2
