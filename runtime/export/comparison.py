"""An exported folder beside the run that it was made of: log-probabilities and texts."""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from decimal import ROUND_UP, Context
from itertools import islice
from typing import Any

import torch
from torch import Tensor

from compiler.spec.decoding import BeamSearch, other_decoding
from compiler.spec.spec import Spec
from compiler.spec.tasks import TASKS
from runtime.data.symbols import MASK, UNKNOWN
from runtime.data.tasks import task_of
from runtime.data.tasks.task import longest_sentence
from runtime.data.tokenizers.tokenizer import Tokenizer
from runtime.export.exporter import Answer, Exported, ExportedDecoder, ExportedEncoder, Rows
from runtime.export.own_network import OwnNetwork
from runtime.export.ties import difference_of_scores

CLOSE = 1e-4
"""The largest difference of log-probabilities, or of numbers of a vector, that float32 explains.

It also is the largest difference between the scores of two texts that makes a tie of them.
"""
SENTENCES = 100
"""The sentences of the validation set that are compared, unless the user wants others."""
LEAST_SENTENCES = 50
LONGEST_DRAWN = 12
"""The most tokens of a drawn sentence, before its text is cut into tokens again."""
MASK_EVERY = 7
"""A masked language model is compared on texts in which every seventh token is masked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentences:
    """Lines of the validation set with their tokens; empty ones and too long ones are left out."""

    lines: list[str]
    """Texts to translate, or prompts: the first half of the words of a text."""
    sources: Rows | None
    """The tokens of sources; None for tasks of one text."""
    texts: Rows
    """The tokens of targets, or of the only text."""
    words: str = "validation sentences"
    """The name of such sentences in the comparison."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """A text that the exported network writes otherwise, and both texts."""

    line: int
    """The number among the lines that were compared, from 1."""
    ours: str
    theirs: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """A comparison of the texts that both networks write with one method of decoding."""

    method: str
    count: int
    equal: int
    ties: tuple[Other, ...]
    """Texts of other tokens, where the run's network scores both alike."""
    unknown: tuple[Other, ...]
    """Texts of the same tokens, one of them unknown, which the format spells otherwise."""
    others: tuple[Other, ...]

    def __str__(self) -> str:
        return f"{self.method} {self.equal}/{self.count}"

    @property
    def differing(self) -> list[str]:
        """Return the texts that differ in words, by what they differ in."""
        kinds = {
            "ties": self.ties,
            "spelled otherwise, with an unknown token": self.unknown,
            "others": self.others,
        }
        return [
            f"{words}: line {', '.join(f'{each.line}' for each in texts)}"
            for words, texts in kinds.items()
            if texts
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A comparison of an exported network with the run's own."""

    sentences: int
    words: str
    """The name of the sentences: those of the validation set, or drawn ones."""
    numbers: str
    """The numbers that are compared: `log-probabilities` or `vectors`."""
    difference: float
    bound: float | None
    """The largest difference that passes; None where the weights were rounded."""
    texts: tuple[Texts, ...] = ()
    """The texts of greedy search first; none of networks that write none, or differ already."""

    @property
    def wrong(self) -> list[str]:
        """The reasons for which the folder is wrong, in words; empty for a right one."""
        if self.bound is None:
            return []
        is_far = not self.difference <= self.bound  # NaN is far, too
        far = f"{self.numbers} differ by {self.difference:.2g}, more than {self.bound:g}"
        greedy = [
            f"{each.method}: line {other.line} is written as {other.theirs!r}, not {other.ours!r}"
            for each in self.texts[:1]
            for other in each.others[:3]
        ]
        return [*([far] if is_far else []), *greedy]

    @property
    def lines(self) -> list[str]:
        """Return the comparison in words: the numbers, then the texts."""
        numbers = f"{self.numbers} within {rounded_up(self.difference):.0e}"
        texts = [", ".join(map(str, self.texts)) + " texts equal"] if self.texts else []
        lines = [f"{self.sentences:,} {self.words}: {numbers}", *texts]
        for each in self.texts:
            lines += [f"{each.method}, {line}" for line in each.differing]
        return lines

    def record(self) -> dict[str, Any]:
        """Return what is kept of it: of texts that differ the number of the line alone."""
        kept = asdict(self)
        for found, texts in zip(kept["texts"], self.texts, strict=True):
            for kind in ("ties", "unknown", "others"):
                found[kind] = [each.line for each in getattr(texts, kind)]
        return kept


def read_sentences(spec: Spec, network: OwnNetwork, count: int | None = SENTENCES) -> Sentences:
    """Return the first `count` sentences of the validation set; with None all of them.

    Those of more tokens than the network has learned from are left out, and so are empty ones.
    """
    return _together(spec, islice(_usable_rows(spec, network), count))


def draw_sentences(spec: Spec, network: OwnNetwork, count: int = SENTENCES) -> Sentences:
    """Return sentences of tokens that are drawn at random, always the same ones.

    They are for runs of published models, which have no text.
    """
    draw = random.Random(0)
    first, longest = TASKS[spec.task].symbols, longest_sentence(spec) - 2
    most = max(1, min(longest, LONGEST_DRAWN))

    def text(tokenizer: Tokenizer) -> str:
        tokens = [draw.randrange(first, tokenizer.size) for _ in range(draw.randint(1, most))]
        return tokenizer.decode(tokens)

    source, target = network.tokenizers
    pairs = [(text(source), text(target)) for _ in range(count)]
    reads = spec.model.encoder is not None and spec.model.decoder is not None
    encoded = [
        (line, source.encode(line), target.encode(other) if reads else source.encode(line))
        for line, other in pairs
    ]
    kept = [each for each in encoded if all(0 < len(tokens) <= longest for tokens in each[1:])]
    return _together(spec, kept, "texts of tokens drawn at random")


def _together(
    spec: Spec,
    rows: Iterable[tuple[str, list[int], list[int]]],
    words: str = "validation sentences",
) -> Sentences:
    """Return lines, sources and texts side by side; there may be none."""
    rows = list(rows)
    reads = spec.model.encoder is not None and spec.model.decoder is not None
    return Sentences(
        lines=[line for line, _, _ in rows],
        sources=[source for _, source, _ in rows] if reads else None,
        texts=[text for _, _, text in rows],
        words=words,
    )


def _usable_rows(spec: Spec, network: OwnNetwork) -> Iterator[tuple[str, list[int], list[int]]]:
    longest, (source, target) = longest_sentence(spec) - 2, network.tokenizers
    is_model_of_language = spec.model.encoder is None
    for row in task_of(spec).rows("valid"):
        reads = source.encode(row[0])
        says = target.encode(row[1]) if spec.task == "translation" else reads
        if 0 < len(reads) <= longest and 0 < len(says) <= longest:
            words = row[0].split()
            prompt = " ".join(words[: (len(words) + 1) // 2])
            yield (prompt if is_model_of_language else row[0]), reads, says


def compare(
    own: OwnNetwork, exported: Exported, sentences: Sentences, *, is_rounded: bool = False
) -> Comparison:
    """Return how far an exported network is from the run's own on some sentences.

    `is_rounded` says that its weights are no float32, so that no bound holds.
    """
    if own.spec.model.decoder is not None:
        assert isinstance(exported, ExportedDecoder)
        difference = _log_probabilities(own, exported, sentences)
    else:
        assert isinstance(exported, ExportedEncoder)
        difference = _outputs(own, exported, sentences)
    found = Comparison(
        sentences=len(sentences.texts),
        words=sentences.words,
        numbers="vectors" if own.spec.model.pooling else "log-probabilities",
        difference=difference,
        bound=None if is_rounded else CLOSE,
    )
    if found.wrong or not isinstance(exported, ExportedDecoder) or own.spec.model.decoder is None:
        return found
    return replace(found, texts=tuple(_texts(own, exported, sentences)))


def _log_probabilities(own: OwnNetwork, exported: ExportedDecoder, sentences: Sentences) -> float:
    given = sentences.sources, sentences.texts
    return largest_difference(own.log_probabilities(*given), exported.log_probabilities(*given))


def _outputs(own: OwnNetwork, exported: ExportedEncoder, sentences: Sentences) -> float:
    texts = sentences.texts
    if own.spec.task == "masked_language_model":
        texts = [[t if n % MASK_EVERY else MASK for n, t in enumerate(row, 1)] for row in texts]
    ours, theirs = own.outputs(texts), exported.outputs(texts)
    if own.spec.model.pooling is None:
        ours, theirs = ([each.log_softmax(-1) for each in side] for side in (ours, theirs))
    return largest_difference(ours, theirs)


def largest_difference(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> float:
    """Return the largest difference of two lists of tensors; NaN if any number is none."""
    pairs = zip(ours, theirs, strict=True)
    differences = [(one - other.to(one.dtype)).abs().max() for one, other in pairs]
    return float(torch.stack(differences).max()) if differences else 0.0


def _texts(own: OwnNetwork, exported: ExportedDecoder, sentences: Sentences) -> Iterator[Texts]:
    """Yield the comparisons of texts, greedy ones first."""
    for method, decoding in methods_compared(own.spec, exported):
        ours, theirs = (each.texts(sentences.lines, decoding) for each in (own, exported))
        yield _compared(own, sentences, method, decoding, ours, theirs)


def methods_compared(spec: Spec, exported: ExportedDecoder) -> Iterator[tuple[str, BeamSearch]]:
    """Yield the methods of decoding that are compared, each with its name.

    They are greedy search without the settings that the format does not know, a beam of 4 with
    scores divided by a power of the length, and the spec's own search where it is another one.
    """
    found: list[BeamSearch] = []
    for changes in ({"beam": 1}, {"beam": 4, "normalization": "length"}):
        each = other_decoding(spec.decoding, "beam", **changes)
        assert isinstance(each, BeamSearch)
        found.append(exported.honoured(each) if each.beam == 1 else each)
        yield words_of(each), found[-1]
    own = spec.decoding
    if isinstance(own, BeamSearch) and own not in found:
        yield words_of(own) if own.beam > 1 else "greedy with all settings", own


def _compared(
    own: OwnNetwork,
    sentences: Sentences,
    method: str,
    decoding: BeamSearch,
    ours: Sequence[Answer],
    theirs: Sequence[Answer],
) -> Texts:
    ties, unknown, others = [], [], []
    for row, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        if one.text == other.text:
            continue
        found = Other(line=row + 1, ours=one.text, theirs=other.text)
        if one.tokens == other.tokens and UNKNOWN in one.tokens:
            unknown.append(found)
        elif _is_tie(own, decoding, sentences.lines[row], one, other):
            ties.append(found)
        else:
            others.append(found)
    return Texts(
        method=method,
        count=len(ours),
        equal=len(ours) - len(ties) - len(unknown) - len(others),
        ties=tuple(ties),
        unknown=tuple(unknown),
        others=tuple(others),
    )


def words_of(decoding: BeamSearch) -> str:
    """Return a method of decoding in words: `beam 4 (length)`."""
    return "greedy" if decoding.beam == 1 else f"beam {decoding.beam} ({decoding.normalization})"


def _is_tie(own: OwnNetwork, decoding: BeamSearch, line: str, one: Answer, other: Answer) -> bool:
    """Return whether the run's network cannot tell which of two texts is the better one."""
    if one.tokens == other.tokens:
        return False
    return difference_of_scores(own, decoding, line, one.tokens, other.tokens) <= CLOSE


def rounded_up(number: float) -> float:
    """Return a number with one digit that is not below it."""
    return float(Context(prec=1, rounding=ROUND_UP).create_decimal_from_float(number))
