"""A training whose texts are cut anew in each epoch goes on to the bit."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import yaml

from runtime.training.interruption import Interruption
from runtime.training.train import Summary
from tests.runtime.conftest import replace_constants

Make = Callable[..., Path]
Train = Callable[..., Summary]
Interrupt = Callable[..., AbstractContextManager[None]]
AssertSame = Callable[[Path, Path], None]
ROWS = 26


def with_pieces(package: Path, **options: object) -> Path:
    """Give a package the pieces of sentencepiece, cut as the options say."""
    replace_constants(package / "model.py", {"VOCABULARY": ROWS})
    path = package / "spec.lock.yaml"
    lock = yaml.safe_load(path.read_text(encoding="utf-8"))
    lock["model"]["vocabulary"]["size"] = ROWS
    lock["data"]["tokenizer"] = {"kind": "sentencepiece", **options}
    path.write_text(yaml.safe_dump(lock), encoding="utf-8")
    return package


def losses(run: Path) -> list[object]:
    lines = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line).get("loss") for line in lines]


@pytest.mark.parametrize(
    "options", [{"model": "bpe", "dropout": 0.3}, {"model": "unigram", "sampling": 0.3}], ids=str
)
@pytest.mark.parametrize("batching", ["padded", "packed"])
def test_a_run_that_pauses_draws_the_same_pieces(
    options: dict[str, object],
    batching: str,
    tmp_path: Path,
    make_package: Make,
    run_training: Train,
    interrupt: Interrupt,
    assert_same: AssertSame,
) -> None:
    package = with_pieces(make_package(dropout=0.1, batching=batching, steps=20), **options)
    run_training(package, tmp_path / "whole")
    with interrupt(13), pytest.raises(Interruption):
        run_training(package, tmp_path / "paused")
    run_training(package, tmp_path / "paused", resume=True)
    assert_same(tmp_path / "whole", tmp_path / "paused")
    if batching == "padded":
        plain = make_package("plain", dropout=0.1, batching=batching, steps=20)
        run_training(with_pieces(plain, model=options["model"]), tmp_path / "plain-run")
        assert losses(tmp_path / "plain-run") != losses(tmp_path / "whole")
