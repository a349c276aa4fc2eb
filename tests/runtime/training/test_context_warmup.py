"""Texts that are short at first."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compiler.pipeline import compile_spec
from runtime.data.batches import Batched, Batcher, Padded, batches
from runtime.data.buckets import Buckets
from runtime.data.packing import Packing
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
    divided = [np.array([2, 0]), np.array([3])]
    short, cut = whole.shortened(divided, longest)
    for rows, pieces in zip(divided, cut, strict=True):
        assert max(short.lengths[0][pieces]) <= longest
        ours, theirs = short.joined(pieces), whole.joined(rows)
        assert (ours.labels == theirs.labels).all()
        assert (ours.inputs[0] == theirs.inputs[0]).all()  # a piece follows what is before it
        assert short.count_labels(pieces) == whole.count_labels(rows)


@pytest.mark.parametrize("longest", [1, 3, 8, 40, 100])
@pytest.mark.parametrize("kind", ["padded", "buckets", "packed"])
def test_cut_batches_have_the_shapes_of_their_batcher(kind: str, longest: int) -> None:
    """On a GPU, shapes are few; none has to grow for pieces."""
    draw = np.random.default_rng(0)
    lengths = draw.integers(1, 41, 400)
    tokens = draw.integers(10, 30, lengths.sum()).astype(np.int32)
    texts = Documents(pieces=Sentences.of(tokens, np.cumsum(lengths)))
    makers: dict[str, Callable[[], Batcher]] = {
        "padded": lambda: Padded(tokens=200),
        "buckets": lambda: Buckets.of(texts, texts, tokens=200),
        "packed": lambda: Packing.of(texts, texts, tokens=200),
    }
    batcher = makers[kind]()
    whole = Batched(examples=texts, batcher=batcher)
    divided = batches(texts, batcher, seed=1, epoch=1)
    short, cut = whole.shortened(divided, longest)
    shapes = set()
    for rows, pieces in zip(divided, cut, strict=True):
        batch = short.collate(pieces)
        assert sorted(batch.labels) == sorted(whole.collate(rows).labels)
        (inputs,) = batch.inputs
        shapes.add(inputs.tokens.shape if kind == "packed" else inputs.shape)
    if kind == "packed":
        assert len(shapes) == 1
    if kind == "buckets":
        assert len(shapes) <= len(batcher.columns)


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
