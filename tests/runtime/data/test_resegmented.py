"""Training texts whose words are cut anew in each epoch: BPE-dropout and subword sampling."""

import gzip
from collections import Counter
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from compiler.pipeline import compile_spec
from compiler.source.diagnostic import Rejected
from compiler.spec.data import TextFiles
from compiler.spec.tokenizer import SentencePieceTokenizer as Settings
from runtime.data.pairs import Pairs
from runtime.data.resegmented import Segmentation, drawing, merging, uniforms
from runtime.data.sentences import Sentences
from runtime.data.symbols import END, UNKNOWN
from runtime.data.text import TrainingText
from runtime.data.tokenizers.sentencepiece import SentencePieceTokenizer

pytestmark = pytest.mark.quick

SCALE = Path(__file__).parents[3] / ".." / "shared" / "data" / "scale" / "en-de.tsv.gz"
LINES = [
    *("the house is big .", "the mouse is in the house", "größe ist schön", "die mäuse sind klein"),
    *("der kleine hund jagt die alte katze", "a small cat watches the hunting dog"),
    *("the dogs are hunting small mice", "kleine katzen jagen keine hunde"),
] * 9


def trained(folder: Path, rows: int, **options: object) -> tuple[SentencePieceTokenizer, Settings]:
    (folder / "train.txt").write_text("".join(f"{line}\n" for line in LINES), encoding="utf-8")
    settings = Settings(kind="sentencepiece", **options)  # type: ignore[arg-type]
    text = TrainingText(
        corpus=TextFiles(text="train.txt"),
        folder=str(folder),
        lines_in_all=len(LINES),
        sides=(0,),
        rows=rows,
        setting="model.vocabulary.size",
    )
    return SentencePieceTokenizer.train(text, settings, print), settings


def sentences_of(tokenizer: SentencePieceTokenizer, lines: list[str]) -> Sentences:
    tokens = [[*tokenizer.encode(line), END] for line in lines]
    ends = np.cumsum([len(each) for each in tokens])
    return Sentences.of(np.concatenate(tokens).astype(np.int32), ends)


OPTIONS = [{"model": "bpe", "dropout": 0.3}, {"model": "unigram", "sampling": 0.3}]


@pytest.fixture(params=OPTIONS, ids=["dropout", "sampling"])
def drawn(
    request: pytest.FixtureRequest, tmp_path: Path
) -> tuple[SentencePieceTokenizer, Settings, Segmentation]:
    tokenizer, settings = trained(tmp_path, 50, **request.param)
    return tokenizer, settings, Segmentation(tokenizer, settings, side=0)


Drawn = tuple[SentencePieceTokenizer, Settings, Segmentation]


def test_pieces_are_others_and_the_text_is_the_same(drawn: Drawn) -> None:
    tokenizer, _, segmentation = drawn
    lines = [*LINES, "Ω the house ☃ is", "", "x"]
    old = sentences_of(tokenizer, lines)
    new = segmentation.drawn(old, 1, 1)
    assert len(new) == len(old)
    changed = 0
    for row in range(len(old)):
        before, after = old[row].tolist(), new[row].tolist()
        assert tokenizer.decode(after) == tokenizer.decode(before)
        assert after[-1] == END
        assert after.count(UNKNOWN) == before.count(UNKNOWN)
        changed += before != after
    assert changed > len(old) / 2
    assert new.lengths.max() <= old.lengths.max()


def test_draws_depend_on_seed_epoch_side_and_line_alone(drawn: Drawn) -> None:
    tokenizer, settings, segmentation = drawn
    old = sentences_of(tokenizer, LINES)

    def found(part: Segmentation, seed: int, epoch: int) -> list[list[int]]:
        new = part.drawn(old, seed, epoch)
        return [new[row].tolist() for row in range(len(new))]

    one = found(segmentation, 1, 1)
    assert one == found(Segmentation(tokenizer, settings, side=0), 1, 1)
    for other in (
        found(segmentation, 2, 1),
        found(segmentation, 1, 2),
        found(Segmentation(tokenizer, settings, side=1), 1, 1),
    ):
        assert one != other
    assert one[:8] != one[8:16]  # the same lines at other places


def test_no_dropout_and_a_high_power_are_what_sentencepiece_does(tmp_path: Path) -> None:
    for options, cut in (({"model": "bpe"}, merging), ({"model": "unigram"}, drawing)):
        tokenizer, _ = trained(tmp_path, 50, **options)
        value = {"dropout": 1e-12} if cut is merging else {"sampling": 1e4}
        settings = Settings(kind="sentencepiece", **options, **value)  # type: ignore[arg-type]
        lines = LINES
        if SCALE.is_file():
            with gzip.open(SCALE, "rt", encoding="utf-8") as file:
                lines = [line.split("\t")[0] for line in islice(file, 3000)]
        old = sentences_of(tokenizer, lines)
        new = Segmentation(tokenizer, settings, side=0).drawn(old, 1, 1)
        differing = sum(old[row].tolist() != new[row].tolist() for row in range(len(old)))
        assert differing <= 0.01 * len(old)  # ties, of which sentencepiece takes another


def test_merges_are_left_out_as_often_as_is_said() -> None:
    scores = {"a": 0.0, "b": 0.0, "ab": -1.0}
    cut, random = merging(scores, 0.25), uniforms(1, 1, 0, 0)
    counts = Counter(tuple(cut("ab", random) or ()) for _ in range(20_000))
    assert counts.keys() == {("ab",), ("a", "b")}
    assert counts["a", "b"] / 20_000 == pytest.approx(0.25, abs=0.015)


def test_segmentations_are_drawn_by_their_likelihoods() -> None:
    scores = {"a": -1.0, "b": -2.0, "ab": -2.5, "abb": -4.0, "bb": -3.0}
    alpha = 0.5
    ways = {
        ("a", "b", "b"): -5.0,
        ("ab", "b"): -4.5,
        ("abb",): -4.0,
        ("a", "bb"): -4.0,
    }
    cut, random = drawing(scores, alpha), uniforms(1, 1, 0, 0)
    counts = Counter(tuple(cut("abb", random) or ()) for _ in range(20_000))
    total = sum(np.exp(alpha * score) for score in ways.values())
    assert counts.keys() == ways.keys()
    for way, score in ways.items():
        expected = np.exp(alpha * score) / total
        assert counts[way] / 20_000 == pytest.approx(expected, abs=0.015)
    assert cut("abc", random) is None


def test_random_numbers_are_fixed() -> None:
    draw = uniforms(3, 2, 1, 5)
    raw = np.random.Philox(key=[3, 2], counter=[0, 0, 2, 5]).random_raw(300)
    expected = (np.asarray(raw) >> np.uint64(11)) * 2.0**-53
    assert [draw() for _ in range(300)] == expected.tolist()


SPEC = """\
name: drawn
task: language_model
model:
  d_model: 16
  vocabulary: {size: 60}
  attention: {heads: 2}
  feed_forward: {d_ff: 16}
  decoder: {layers: 1}
data:
  train: {text: train.txt}
  valid: {text: valid.txt}
  tokenizer: TOKENIZER
training: {batch_tokens: 1000, LENGTH, schedule: {warmup_steps: 1}}
"""


@pytest.mark.parametrize(
    ("tokenizer", "length", "code"),
    [
        ("{kind: sentencepiece, model: unigram, dropout: 0.1}", "steps: 9", "unused-key"),
        ("{kind: sentencepiece, sampling: 0.1}", "steps: 9", "unused-key"),
        ("{kind: sentencepiece, dropout: 0.1}", "epochs: 9", "unknown-length"),
        ("{kind: sentencepiece, file: a.model, user_symbols: [a]}", "steps: 9", "unused-key"),
        ("{kind: sentencepiece, file: a.model, model: char}", "steps: 9", "unused-key"),
        ("{kind: tokenizers, file: a.json, model: wordpiece}", "steps: 9", "unused-key"),
        ("{kind: tokenizers, model: wordpiece, merges: a.txt}", "steps: 9", "unused-key"),
        ("tokenizers", "steps: 9", "missing-key"),
    ],
)
def test_settings_that_do_not_go_together(
    tokenizer: str, length: str, code: str, tmp_path: Path
) -> None:
    text = SPEC.replace("TOKENIZER", tokenizer).replace("LENGTH", length)
    (tmp_path / "spec.yaml").write_text(text)
    with pytest.raises(Rejected) as caught:
        compile_spec(str(tmp_path / "spec.yaml"))
    (found,) = caught.value.diagnostics
    assert found.code == code


def test_pairs_are_what_is_cut(tmp_path: Path) -> None:
    from runtime.data.resegmented import Resegmented

    tokenizer, settings = trained(tmp_path, 50, model="bpe", dropout=0.3)
    old = sentences_of(tokenizer, LINES)
    pairs = Pairs(sources=old, targets=old)
    sides = {
        name: Segmentation(tokenizer, settings, side=side)
        for side, name in enumerate(("sources", "targets"))
    }
    examples = Resegmented(examples=pairs, segmentations=sides)
    assert (len(examples), examples.unit) == (len(old), "pair")
    one = examples.drawn(1, 1)
    assert examples.drawn(1, 1) is one
    assert one.sources.tokens.tolist() != one.targets.tokens.tolist()
    assert examples.drawn(1, 2).sources.tokens.tolist() != one.sources.tokens.tolist()
    rows = np.arange(4)
    assert examples.joined(rows).labels.tolist() == pairs.joined(rows).labels.tolist()
