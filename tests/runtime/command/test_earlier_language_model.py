"""A language model that version 0.2.0 trained (at a0b661e) is used and goes on.

The archive holds the run after 4 of its 8 updates, with the spec and the text that it was begun
with and the package that the spec was compiled to. It also holds, as that version computed them,
continuations, scores, and the weights after the 8 updates. Its three layers are of three kinds: a
window of attention, experts, and a GRU; tokens and output have tables of their own.
"""

import json
from hashlib import sha256
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.runtime.command.conftest import Command

pytestmark = pytest.mark.quick

ARCHIVE = "run-0.2.tar.xz"


@pytest.mark.parametrize(
    ("name", "options"), [("beam", ("--beam", "4")), ("drawn", ("--seed", "3"))]
)
def test_it_continues_prompts_as_it_did(
    specformer: Command, expected: Path, name: str, options: tuple[str, ...]
) -> None:
    prompts = ("--input", "prompts.txt", "--device", "cpu")
    ended = specformer("generate", "run", *prompts, *options)
    assert ended.code == 0, ended.err
    assert ended.out == (expected / f"{name}.txt").read_text()


def test_it_scores_as_it_did(specformer: Command, expected: Path) -> None:
    ended = specformer("evaluate", "run", "--device", "cpu")
    assert ended.code == 0, ended.err
    scores = json.loads(Path("run/evaluation-test.json").read_text())
    then = json.loads((expected / "evaluation-test.json").read_text())
    assert scores["perplexity"]["value"] == pytest.approx(then["perplexity"]["value"], rel=1e-5)


def test_it_goes_on_as_it_would_have(specformer: Command, expected: Path) -> None:
    ended = specformer("train", "spec.yaml", "--out", "run", "--resume", "--device", "cpu")
    assert ended.code == 0, ended.err
    found = load_file("run/checkpoints/step-00000008/model.safetensors")
    then = load_file(expected / "continued.safetensors")
    torch.testing.assert_close(found, then, rtol=1e-4, atol=1e-6)


def test_a_package_of_another_version_is_told_to_be_stale(
    specformer: Command, expected: Path
) -> None:
    """A line that this version does not write stands in, with its sum, for another version."""
    model = expected.parent / "generated/former/model.py"
    sums = model.parent.with_name("SHA256SUMS")
    before = sha256(model.read_bytes()).hexdigest()
    model.write_text(model.read_text() + "# a line of another version\n")
    after = sha256(model.read_bytes()).hexdigest()
    sums.write_text(sums.read_text().replace(before, after))
    ended = specformer("compile", "--check", "spec.yaml")
    assert ended.code == 1
    assert "generated/former/model.py is stale: former compiles to something else now" in ended.err


def test_it_gives_all_its_weights_to_a_run_of_today(specformer: Command, expected: Path) -> None:
    """Updates that are next to nothing leave what the weights compute as it was."""
    spec = expected.parent / "spec.yaml"
    spec.write_text(spec.read_text().replace("peak: 0.003", "peak: 0.000000000001"))
    ended = specformer("transfer", expected.parent / "run", "spec.yaml", "--out", "new")
    assert ended.code == 0, ended.err
    assert "(100.0%)" in ended.out
    ended = specformer("train", "new/package", "--out", "new", "--resume", "--device", "cpu")
    assert ended.code == 0, ended.err
    prompts = ("--input", "prompts.txt", "--device", "cpu", "--beam", "4")
    ended = specformer("generate", "new", *prompts)
    assert ended.code == 0, ended.err
    assert ended.out == (expected / "beam.txt").read_text()
