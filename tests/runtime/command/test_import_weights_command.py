"""`import-weights`: a file for our model, or a run that translates at once."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from runtime.checkpoints.checkpoint import Identity
from runtime.package import load_package
from runtime.run import Run

Command = Callable[..., Any]

MAP = """\
tensors:
  embedding.weight: table.T
  "{stack}.norm.{kind}": "theirs.{stack}.norm.{kind}"
  "{stack}.layers.{n}.{part}.{kind}": "theirs.{stack}.layers.{n}.{part}.{kind}"
  "{stack}.layers.{n}.{part}.{map}.{kind}": "theirs.{stack}.layers.{n}.{part}.{map}.{kind}"
"""


@pytest.fixture
def map_file(tmp_path: Path) -> Path:
    path = tmp_path / "map.yaml"
    path.write_text(MAP)
    return path


@pytest.fixture
def foreign(trained_run: Path, tmp_path: Path) -> Path:
    """The weights of the trained run as another program might have them."""
    own = Run.open(trained_run).load_model().state_dict()
    theirs = {f"theirs.{name}": tensor for name, tensor in own.items()}
    theirs["table"] = theirs.pop("theirs.embedding.weight").T.contiguous()
    path = tmp_path / "foreign.safetensors"
    save_file(theirs, path)
    return path


def test_names_are_a_map_to_fill_in(specformer: Command) -> None:
    ended = specformer("import-weights", "demo", "--names")
    assert ended.code == 0
    first, second, third, *_ = ended.out.splitlines()
    assert first == "tensors:"
    assert second.split() == ["embedding.weight:", "#", "1,200", "rows", "of", "128"]
    assert third.split()[0] == "encoder.layers.{n}.self_attention.query_key_value.weight[query]:"
    assert third.endswith("  # 128 rows of 128, 2 times")


def test_names_of_the_files_stand_below(
    specformer: Command, trained_run: Path, foreign: Path
) -> None:
    ended = specformer("import-weights", trained_run, "--names", "--from", foreign)
    head, theirs = ended.out.split("# the tensors of the files\n")
    assert head.startswith("tensors:\n")
    assert theirs.splitlines()[0].split() == ["#", "table", "#", "16", "rows", "of", "130"]
    assert "# theirs.decoder.layers.{n}.cross_attention.query.weight " in theirs


@pytest.mark.parametrize("place", [".", "package"])
def test_a_file_has_our_names_and_says_whose_it_is(
    place: str, specformer: Command, trained_run: Path, foreign: Path, map_file: Path
) -> None:
    target, out = trained_run / place, map_file.with_name("ours.safetensors")
    options = ("--from", foreign, "--map", map_file, "--out", out)
    ended = specformer("import-weights", target, *options)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(f"{out}: 30 tensors, 7,520 parameters")
    own = Run.open(trained_run).load_model().state_dict()
    assert all(torch.equal(own[name], tensor) for name, tensor in load_file(out).items())
    package = load_package(trained_run / "package")
    package.model_class().load_state_dict(load_file(out))
    with safe_open(out, framework="pt") as file:
        assert file.metadata()["model"] == Identity.of(package.spec).model
    assert "exists already" in specformer("import-weights", target, *options).err
    assert specformer("import-weights", target, *options, "--force").code == 0


def test_a_run_translates_at_once(
    specformer: Command, trained_run: Path, foreign: Path, map_file: Path, tmp_path: Path
) -> None:
    model = trained_run / "tokenizers" / "source" / "sentencepiece.model"
    options = ("--from", foreign, "--map", map_file, "--tokenizer", model, "--out", "imported")
    ended = specformer("import-weights", trained_run, *options)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.endswith("next: specformer translate imported\n")
    text = tmp_path / "text.en"
    text.write_text("The dog sleeps.\nA cat sees the house.\n")
    expected = specformer("translate", trained_run, "--input", text)
    translated = specformer("translate", "imported", "--input", text)
    assert (translated.code, translated.out) == (0, expected.out)
    assert "weights: the last checkpoint, of update 0" in translated.err
    assert specformer("evaluate", "imported", "--samples", 0).code == 0
    resumed = specformer("train", "imported/package", "--out", "imported", "--resume")
    assert resumed.code == 2
    assert "imported was imported: there is no training to continue" in resumed.err
    again = specformer("import-weights", trained_run, *options)
    assert "imported exists already" in again.err


def test_a_mistake_in_the_map_is_shown_at_its_line(
    specformer: Command, trained_run: Path, foreign: Path, map_file: Path
) -> None:
    map_file.write_text(MAP.replace("table.T", "table"))
    ended = specformer(
        *("import-weights", trained_run, "--from", foreign, "--map", map_file),
        *("--out", "x.safetensors"),
    )
    assert ended.code == 2
    assert ended.err == (
        f"{map_file}:2:21: error[wrong-shape]: `embedding.weight` takes 130 rows of 16, "
        "and this gives 16 rows of 130\n"
        "  2 |   embedding.weight: table\n"
        "    |                     ^^^^^\n"
        "help: `.T` makes rows of columns\n"
    )
    assert not Path("x.safetensors").exists()


def test_what_cannot_be_used_is_explained(
    specformer: Command, trained_run: Path, foreign: Path, map_file: Path
) -> None:
    options = ("--from", foreign, "--map", map_file, "--out", "x")
    import_weights = ("import-weights", trained_run)
    assert "--from, --map and --out are needed" in specformer(*import_weights).err
    assert "is compiled already" in specformer(*import_weights, "--set", "name=x", "--names").err
    tokenizer = trained_run / "tokenizers" / "source" / "sentencepiece.model"
    twice = ("--tokenizer", tokenizer, "--tokenizer", tokenizer)
    ended = specformer(*import_weights, *options, *twice)
    assert "demo has 1 vocabulary, and --tokenizer is given 2 times" in ended.err
    ended = specformer(*import_weights, *options, "--tokenizer", map_file)
    assert f"{map_file} is no sentencepiece model" in ended.err
    ended = specformer("import-weights", "demo", *options, "--tokenizer", tokenizer)
    assert f"{tokenizer} has 130 pieces, and model.vocabulary.size is 1,200" in ended.err
    assert specformer("import-weights", "demos", "--names").code == 2
    assert not Path("x").exists()


def test_a_package_that_was_edited_is_noticed(
    specformer: Command, trained_run: Path, foreign: Path, map_file: Path, tmp_path: Path
) -> None:
    package = tmp_path / "edited"
    shutil.copytree(trained_run / "package", package)
    model = package / "model.py"
    model.write_text(model.read_text().replace("D_FF = 32", "D_FF = 48"))
    ended = specformer(
        *("import-weights", package, "--from", foreign, "--map", map_file, "--out", "x.safetensors")
    )
    assert f"the network in {package} has other parameters than its spec.lock.yaml" in ended.err
