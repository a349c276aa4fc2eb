"""Packed batches of one shape."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.spec.training import MaskedTokens
from runtime.data.batches import Batch, Examples, Stream, batches, in_order
from runtime.data.packing import Packing
from runtime.data.pairs import Pairs
from runtime.data.symbols import BEGIN, END, PADDING
from runtime.data.texts import Documents, LabelledTexts, MaskedTexts
from runtime.errors import UserError
from tests.support.lengths import news, short_captions

pytestmark = pytest.mark.quick

MakePairs = Callable[..., Pairs]

length = st.integers(1, 20)
corpora = st.lists(st.tuples(length, length), min_size=1, max_size=60)


def streams(batch: Batch) -> list[Stream]:
    assert all(isinstance(each, Stream) for each in batch.inputs)
    return list(batch.inputs)  # type: ignore[arg-type]


def shape(batch: Batch) -> tuple[int, ...]:
    """Return the numbers of places and of sentences; the streams must be sound."""
    found = streams(batch)
    for each in found:
        lengths = np.diff(each.offsets)
        assert each.offsets[0] == 0
        assert each.offsets[-1] == len(each.tokens)
        assert each.offsets.dtype == np.int32
        assert lengths.min() >= 1
        assert lengths.max() <= each.longest
    (sentences,) = {len(each.offsets) for each in found}
    return *(len(each.tokens) for each in found), sentences


@given(corpora, st.integers(20, 200), st.integers(1, 5), st.integers(1, 3))
def test_every_example_is_in_one_batch(
    make_pairs: MakePairs, corpus: list[tuple[int, int]], tokens: int, epoch: int, parts: int
) -> None:
    pairs = make_pairs(*map(list, zip(*corpus, strict=True)))
    packing = Packing.of(pairs, pairs, tokens=tokens, parts=parts)
    trained, looks = batches(pairs, packing, seed=1, epoch=epoch), in_order(pairs, packing.share)
    for batcher, found in ((packing, trained), (packing.share, looks)):
        assert sorted(np.concatenate(found).tolist()) == list(range(len(corpus)))
        for rows in found:
            shares = [rows[part :: batcher.parts] for part in range(batcher.parts)]
            for share in filter(len, shares):
                batch = batcher.lay_out(pairs.joined(share))
                shape(batch)
                assert sorted(batch.labels) == sorted(pairs.collate(share).labels)
    assert all(int(each[rows].sum()) <= tokens for rows in trained for each in pairs.lengths)


@pytest.mark.parametrize(
    ("train", "tokens"), [(short_captions(), 4096), (news(), 25_000)], ids=["captions", "news"]
)
def test_a_training_has_one_shape_and_98_percent_real_places(train: Pairs, tokens: int) -> None:
    valid = short_captions(1000, seed=2) if train.sizes.max() < 60 else news(1000, seed=2)
    packing = Packing.of(train, valid, tokens=tokens)
    seen = {shape(packing.lay_out(valid.joined(rows))) for rows in in_order(valid, packing)}
    for epoch in (1, 2):
        found = batches(train, packing, seed=1, epoch=epoch)
        seen |= {shape(packing.lay_out(train.joined(rows))) for rows in found}
        places = len(found) * sum(packing.places)
        assert sum(int(each.sum()) for each in train.lengths) / places >= 0.98
    assert seen == {(*packing.places, packing.sentences + 1)}
    assert max(packing.places) <= tokens


def test_shares_of_eight_processes_have_one_shape() -> None:
    train = news(30_000)
    packing = Packing.of(train, train, tokens=25_000, parts=8)
    found = batches(train, packing, seed=1, epoch=1)[:-1]
    shares = [train.joined(rows[part::8]) for rows in found for part in range(8)]
    assert {shape(packing.lay_out(each)) for each in shares} == {
        (*packing.share.places, packing.share.sentences + 1)
    }
    assert max(packing.share.places) <= 25_000 / 8 + packing.longest + 8


def test_the_order_is_a_function_of_seed_and_epoch() -> None:
    train = short_captions(3000)
    packing = Packing.of(train, train, tokens=1000)

    def order(seed: int, epoch: int) -> list[list[int]]:
        return [rows.tolist() for rows in batches(train, packing, seed=seed, epoch=epoch)]

    orders = [order(seed, epoch) for seed in (1, 2) for epoch in (1, 2)]
    assert order(1, 1) == orders[0]
    assert all(one != other for number, one in enumerate(orders) for other in orders[:number])


def test_pairs_in_places(make_pairs: MakePairs) -> None:
    pairs = make_pairs([2, 4, 1], [3, 1, 5])
    packing = Packing(tokens=12, places=(8, 12), sentences=4, longest=5)
    batch = packing.lay_out(pairs.joined(np.array([2, 0])))
    source, read = streams(batch)
    assert source.tokens.tolist() == [END, 1000, END, *[PADDING] * 5]
    assert source.offsets.tolist() == [0, 1, 3, 5, 8]
    assert read.tokens.tolist() == [
        *(BEGIN, 100_002, 100_002, 100_002, 100_002),
        *(BEGIN, 100_000, 100_000),
        *[PADDING] * 4,
    ]
    assert read.offsets.tolist() == [0, 5, 8, 10, 12]
    assert batch.places.tolist() == list(range(8))
    assert batch.labels.tolist() == [*[100_002] * 4, END, *[100_000] * 2, END]


def test_what_does_not_fit_has_a_larger_shape(make_pairs: MakePairs) -> None:
    pairs = make_pairs([30], [40])
    packing = Packing(tokens=16, places=(16, 16), sentences=3, longest=40)
    batch = packing.lay_out(pairs.joined(np.array([0])))
    assert min(shape(batch)[:2]) >= 40
    assert len(batch.labels) == 40


def test_every_task_predicts_the_same_as_from_padded_batches(make_pairs: MakePairs) -> None:
    """The labels, and the token that is read where each is predicted."""
    pairs = make_pairs([2, 4, 1, 6], [3, 1, 5, 6])
    texts = pairs.targets
    rows = np.array([3, 0, 1])
    for examples in (
        pairs,
        Documents(pieces=texts),
        MaskedTexts(texts=texts, masking=MaskedTokens(), vocabulary=30),
    ):
        is_the_same(examples, rows)
    labelled = LabelledTexts(texts=texts, labels=np.array([5, 6, 7, 8]))
    batch = Packing(tokens=32, places=(32,), sentences=6, longest=8).lay_out(labelled.joined(rows))
    assert (batch.places.tolist(), batch.labels.tolist()) == ([0, 1, 2], [8, 5, 6])
    (read,) = streams(batch)
    assert read.tokens[read.offsets[:3]].tolist() == [BEGIN] * 3


def is_the_same(examples: Examples, rows: np.ndarray) -> None:
    joined = examples.joined(rows)
    padded = joined.padded()
    packing = replace(Packing.exact(joined), sentences=5)
    packed = replace(packing, places=tuple(each + 3 for each in packing.places)).lay_out(joined)
    matrix, stream = padded.inputs[-1], streams(packed)[-1]
    assert isinstance(matrix, np.ndarray)
    assert packed.labels.tolist() == padded.labels.tolist()
    read = matrix.flat[padded.places]
    assert stream.tokens[packed.places].tolist() == read.tolist()


def test_a_text_of_which_nothing_fits_is_refused(make_pairs: MakePairs) -> None:
    pairs = make_pairs([9, 12], [8, 20])
    with pytest.raises(UserError, match="no training pair fits into a batch of 7 tokens"):
        Packing.of(pairs, pairs, tokens=7)
