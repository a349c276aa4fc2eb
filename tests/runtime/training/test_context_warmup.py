"""Texts that are short at first."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compiler.pipeline import compile_spec
from runtime.data.sentences import Sentences
from runtime.data.texts import Documents
from runtime.training.interruption import Interruption
from runtime.training.update import Updater

pytestmark = pytest.mark.quick

SETTINGS = (
    *("model.vocabulary.size=17", "model.d_model=8", "model.attention.heads=2"),
    *("model.feed_forward.d_ff=8", "model.decoder.layers=1", "data.tokenizer={kind: characters}"),
    *("training.batch_tokens=120", "training.steps=12", "training.validation.every=6"),
    *(
        "training.schedule.warmup_steps=3",
        "data.max_length=40",
        "training.context_warmup={steps: 6, start: 3}",
    ),
)


@pytest.mark.parametrize("longest", [1, 2, 3, 5, 100])
def test_pieces_have_all_tokens_of_their_batches_once(longest: int) -> None:
    lengths = [7, 1, 4, 5]
    tokens = np.arange(10, 10 + sum(lengths), dtype=np.int32)
    tokens[np.cumsum(lengths) - 1] = 3
    whole = Documents(pieces=Sentences.of(tokens, np.cumsum(lengths)))
    batches = [np.array([2, 0]), np.array([3])]
    short, cut = whole.shortened(batches, longest)
    for rows, pieces in zip(batches, cut, strict=True):
        assert max(short.lengths[0][pieces]) <= longest
        ours, theirs = short.joined(pieces), whole.joined(rows)
        assert (ours.labels == theirs.labels).all()
        assert (ours.inputs[0] == theirs.inputs[0]).all()  # a piece follows what is before it
        assert short.count_labels(pieces) == whole.count_labels(rows)


def test_they_grow_and_go_on_to_the_bit(
    tmp_path: Path,
    text: Path,
    run_training: Callable[..., Any],
    interrupt: Callable[..., Any],
    assert_same: Callable[[Path, Path], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    longest: list[int] = []
    call = Updater.__call__

    def measured(updater: Updater, examples: Any, batches: Any, rate: float) -> Any:
        longest.append(max(max(examples.collate(rows).inputs[0].shape[1:]) for rows in batches))
        return call(updater, examples, batches, rate)

    monkeypatch.setattr(Updater, "__call__", measured)
    corpora = [
        f"data.{name}={{text: {text / name}.source, running: true}}" for name in ("train", "valid")
    ]
    package = tmp_path / "package"
    compile_spec("language-model", [*SETTINGS, *corpora, "data.test=null"]).write(package)
    run_training(package, tmp_path / "whole")
    assert longest[:6] == [3, 8, 8, 16, 24, 32]
    assert set(longest[6:]) == {40}
    with interrupt(4), pytest.raises(Interruption):
        run_training(package, tmp_path / "paused")
    run_training(package, tmp_path / "paused", resume=True)
    assert_same(tmp_path / "whole", tmp_path / "paused")
