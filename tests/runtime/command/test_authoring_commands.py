"""`new`, `check`, `show`, `schema`, and the pages of `explain`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.quick

Command = Callable[..., Any]


def test_a_new_spec_is_right_and_its_variant_too(specformer: Command, tmp_path: Path) -> None:
    assert specformer("new", "mine").code == 0
    assert specformer("new", "variant", "--extends", "mine.yaml").code == 0
    schema = json.loads((tmp_path / "specformer.schema.json").read_text())
    assert schema == json.loads(specformer("schema").out)
    checked = specformer("check", "mine.yaml", "variant.yaml")
    assert checked.code == 0
    assert checked.out == "2 specs are right, 1 warning\n"
    assert "warning[unchanged]" in checked.err


@pytest.mark.parametrize("name", ["../up", "Mine", "a b"])
def test_a_new_spec_needs_a_name(specformer: Command, tmp_path: Path, name: str) -> None:
    ended = specformer("new", name)
    assert ended.code == 2
    assert "is no name for a spec" in ended.err
    assert list(tmp_path.iterdir()) == []


def test_a_new_spec_replaces_nothing(specformer: Command, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("precious")
    assert "exists already" in specformer("new", "mine").err
    assert (tmp_path / "mine.yaml").read_text() == "precious"
    assert specformer("new", "mine", "--force").code == 0


def test_a_parent_that_is_not_there(specformer: Command, tmp_path: Path) -> None:
    (tmp_path / "small-model.yaml").write_text("name: small-model\nextends: demo\n")
    ended = specformer("new", "mine", "--extends", "smal-model.yaml")
    assert ended.code == 2
    assert "did you mean `small-model.yaml`?" in ended.err


def test_check_tells_programs_of_all_files(specformer: Command) -> None:
    bad = ("--set", "model.attention.heads=7", "--format")
    found = specformer("check", "demo", "transformer-base", *bad, "json")
    assert found.code == 2
    assert [each["code"] for each in json.loads(found.out)] == ["uneven-heads"] * 2
    github = specformer("check", "demo", *bad, "github")
    assert github.code == 2
    assert github.out.startswith("::error file=--set,line=1,col=23,endColumn=23,title=uneven-heads")
    right = specformer("check", "demo", "--format", "json")
    assert (right.code, right.out) == (0, "[]\n")
    assert specformer("check", "demo", "--format", "github").out == ""


def test_warnings_do_not_stop(specformer: Command, tmp_path: Path) -> None:
    strange = ("--set", "training.schedule.peak=2.0")
    assert specformer("check", "demo", *strange).code == 0
    compiled = specformer("compile", "demo", *strange, "-o", tmp_path)
    assert compiled.code == 0
    assert "warning[strange-peak]" in compiled.err
    github = specformer("check", "demo", *strange, "--format", "github")
    assert github.code == 0
    assert github.out.startswith("::warning ")


def test_show_says_where_values_come_from(specformer: Command) -> None:
    ended = specformer("show", "demo", "--set", "training.seed=3")
    assert ended.code == 0
    assert "  seed: 3                                     # --set training.seed=3\n" in ended.out


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ([], "no: `training.precision` is float32, which a GPU's kernel"),
        (["training.precision=auto"], "yes: a GPU with bfloat16 trains"),
        (["training.precision=auto", "training.batching=padded"], "no: `training.batching` is"),
    ],
)
def test_explain_says_whether_a_gpu_packs(
    specformer: Command, settings: list[str], said: str
) -> None:
    """The recipe decides, too, which `check` knows and the kernel of a GPU."""
    words = [word for each in settings for word in ("--set", each)]
    assert said in specformer("explain", "transformer-base", *words).out


@pytest.mark.parametrize(
    ("setting", "said"),
    [("training.optimizer.kind=adafactor", "whole matrices"), ("training.compile=true", "compile")],
)
def test_explain_has_no_figures_for_shares_that_train_refuses(
    specformer: Command, setting: str, said: str
) -> None:
    words = ["explain", "demo", "--set", setting, "--set", "training.schedule.peak=0.01"]
    ended = specformer(*words, "--shard", 8)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("error: --shard: ")
    assert said in ended.err
    assert specformer(*words).code == 0


def test_explain_prints_the_page_of_a_code(specformer: Command) -> None:
    assert "unused-key" in specformer("explain", "moot-key").out, "a code of former versions"
    ended = specformer("explain", "uneven-heads")
    assert ended.code == 0
    assert ended.out.startswith("uneven-heads\n\nHeads that do not share")
    assert "did you mean" in specformer("explain", "uneven-head").err
