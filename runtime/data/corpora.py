"""The content of a cache entry: tokenizers, and the tokenised corpora of a spec."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from compiler.spec.spec import Spec
from runtime.data.files import Pair, read_pairs
from runtime.data.pairs import PairsWriter
from runtime.data.symbols import UNKNOWN
from runtime.data.text import TrainingText
from runtime.data.tokenizer import Tokenizer, train_tokenizer
from runtime.errors import UserError

PARTS = ("train", "valid", "test")

PIECE = 20_000
"""Pairs that are tokenised at a time."""

Report = Callable[[str], None]
TokenPair = tuple[list[int], list[int]]


@dataclass(slots=True, kw_only=True)
class Tally:
    """What became of the pairs of a corpus."""

    part: str
    longest: int
    kept: int = 0
    empty: int = 0
    long: int = 0
    source_tokens: int = 0
    target_tokens: int = 0
    unknown: int = 0

    def select(self, pairs: Iterable[TokenPair]) -> list[TokenPair]:
        """The pairs that have two sides of a fair length. The test set keeps them all."""
        chosen = []
        for source, target in pairs:
            if self.part == "test":
                chosen.append((source, target))
            elif not source or not target:
                self.empty += 1
            elif max(len(source), len(target)) >= self.longest:
                self.long += 1
            else:
                chosen.append((source, target))
        return chosen

    def count(self, pairs: Iterable[TokenPair]) -> None:
        """Adds pairs that were kept; END is not counted."""
        for source, target in pairs:
            self.kept += 1
            self.source_tokens += len(source)
            self.target_tokens += len(target)
            self.unknown += source.count(UNKNOWN) + target.count(UNKNOWN)

    def __str__(self) -> str:
        tokens = self.source_tokens + self.target_tokens
        return (
            f"{self.part}: {self.kept:,} pairs, {self.source_tokens:,} source and "
            f"{self.target_tokens:,} target tokens, {self.unknown / max(tokens, 1):.2%} unknown"
            + (f"; left out: {self.left_out}" if self.empty + self.long else "")
        )

    @property
    def left_out(self) -> str:
        return (
            f"{self.empty:,} with an empty side, {self.long:,} longer than {self.longest:,} tokens"
        )


def write_corpora(spec: Spec, folder: Path, report: Report) -> None:
    """Learns the tokenizers and writes everything into an existing folder.

    Reports a line on each corpus. Raises a UserError if the text will not do.
    """
    # All files are read before the slow work begins, so that a flaw in the last one shows at once.
    counts = {part: sum(1 for _ in _read(spec, part)) for part in PARTS}
    source, target = train_tokenizers(spec, counts["train"], report)
    source.save(folder / "source")
    if target is not source:
        target.save(folder / "target")
    for part in PARTS:
        report(str(_write_corpus(spec, part, (source, target), folder / part)))


def train_tokenizers(spec: Spec, pairs: int, report: Report) -> tuple[Tokenizer, Tokenizer]:
    """The tokenizers of source and target, from `pairs` training pairs; one object if shared."""

    def train(setting: str, *sides: int) -> Tokenizer:
        text = _training_text(spec, pairs, setting, sides)
        return train_tokenizer(text, spec.data.tokenizer, report)

    if spec.model.vocabulary.shared:
        shared = train("size", 0, 1)
        return shared, shared
    return train("source", 0), train("target", 1)


def longest_sentence(spec: Spec) -> int:
    """The most tokens, END included, that a sentence to learn from may have."""
    limits = (spec.data.max_length, spec.model.positions)
    return min(each for each in limits if each is not None)


def _training_text(spec: Spec, pairs: int, setting: str, sides: tuple[int, ...]) -> TrainingText:
    rows: int | None = getattr(spec.model.vocabulary, setting)
    if rows is None:
        raise UserError(f"model.vocabulary.{setting} is missing", help="set it to a number")
    return TrainingText(
        corpus=spec.data.train,
        folder=spec.data.folder,
        pairs=pairs,
        sides=sides,
        rows=rows,
        setting=f"model.vocabulary.{setting}",
    )


def _read(spec: Spec, part: str) -> Iterator[Pair]:
    return read_pairs(getattr(spec.data, part), spec.data.folder)


def _write_corpus(
    spec: Spec, part: str, tokenizers: tuple[Tokenizer, Tokenizer], folder: Path
) -> Tally:
    tally = Tally(part=part, longest=longest_sentence(spec))
    lines = _read(spec, part)
    with PairsWriter.open(folder) as writer:
        while piece := list(islice(lines, PIECE)):
            chosen = tally.select(_tokenise(piece, tokenizers))
            tally.count(chosen)
            writer.add([source for source, _ in chosen], [target for _, target in chosen])
    if not tally.kept:
        raise UserError(
            f"data.{part} has no pair left: {tally.left_out}",
            help="raise data.max_length, or look at the files",
        )
    return tally


def _tokenise(pairs: list[Pair], tokenizers: tuple[Tokenizer, Tokenizer]) -> Iterator[TokenPair]:
    sides = (
        tokenizer.encode_lines([pair[side] for pair in pairs])
        for side, tokenizer in enumerate(tokenizers)
    )
    return zip(*sides, strict=True)
