"""BLEU by the length of the source: the sentences of a test set in groups, each with a score."""

import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from compiler.page.model import Cell, Column, Table
from compiler.spec.lock import LOCK, read_lock
from compiler.spec.training import Evaluation
from runtime.ablation.collect import Ablation, Outcome, Row
from runtime.ablation.grid import MINUS, anchor
from runtime.ablation.record import PACKAGE, RUN
from runtime.ablation.significance import read_translations
from runtime.data.prepare import TOKENIZERS
from runtime.data.tokenizers.tokenizer import load_tokenizers
from runtime.errors import UserError
from runtime.scoring.measures import read_scoring_set
from runtime.scoring.score import score

SPLIT = "test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """The sentences whose sources have at least `least` words and at most `most`, by number."""

    least: int
    most: int | None
    sentences: tuple[int, ...]

    @property
    def name(self) -> str:
        if self.most is None:
            return f"from {self.least}"
        return f"{self.least} to {self.most}"


def bands_of(lengths: Sequence[int], bounds: Sequence[int]) -> list[Band]:
    """Divide sentences with so many words each at `bounds`; groups without sentences are left out.

    An empty source belongs to the first group.
    """
    ends = [(least + 1, most) for least, most in pairwise((0, *bounds))]
    found = [
        Band(
            least=least,
            most=most,
            sentences=tuple(
                number
                for number, length in enumerate(lengths)
                if max(length, 1) >= least and (most is None or max(length, 1) <= most)
            ),
        )
        for least, most in (*ends, (bounds[-1] + 1, None))
    ]
    return [band for band in found if band.sentences]


def tabulate_lengths(ablation: Ablation) -> Table | None:
    """Return the table of BLEU by length; None where the ablation asks for none or has no results.

    Raises a UserError where translations or references are gone or have changed.
    """
    if not ablation.queue.lengths or not ablation.finished:
        return None
    texts = _Texts.of(ablation.finished[0])
    bands = bands_of([len(line.split()) for line in texts.sources], ablation.queue.lengths)
    heads = (f"{band.name} ({len(band.sentences):,})" for band in bands)
    return Table(
        columns=(
            Column(name="row", kind="row", tone="strong"),
            *(Column(name=each, align="right", kind="value") for each in heads),
        ),
        rows=tuple(
            (Cell(text=row.name, link=f"#{anchor(row.name)}"), *_scores(row, bands, texts))
            for row in ablation.rows
            if row.finished
        ),
        notes=tuple(_notes(ablation)),
    )


def _notes(ablation: Ablation) -> Iterator[str]:
    yield (
        "Test BLEU by the number of words of the source, and how many sentences have so many. "
        "BLEU of other sentences is another scale: compare within a column."
    )
    if len(ablation.seeds) > 1:
        yield "Mean ± standard deviation (of the sample) over the seeds."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Texts:
    """The sources in words, all references, and the protocol of the scores."""

    sources: list[str]
    references: list[list[str]]
    protocol: Evaluation

    @classmethod
    def of(cls, outcome: Outcome) -> "_Texts":
        run = outcome.folder / RUN
        spec = read_lock(run / PACKAGE / LOCK)
        source, target = load_tokenizers(run / TOKENIZERS)
        text = read_scoring_set(spec, SPLIT, target)
        return cls(
            sources=[source.detokenize(line) for line in text.sources],
            references=[text.references, *text.further],
            protocol=spec.evaluation,
        )

    def bleu(self, translations: Sequence[str], band: Band) -> float:
        """Return the BLEU of the sentences of a band."""
        chosen = [[lines[n] for n in band.sentences] for lines in (translations, *self.references)]
        hypotheses, references, *further = chosen
        return score(hypotheses, references, self.protocol, further).bleu


def _scores(row: Row, bands: Iterable[Band], texts: _Texts) -> Iterator[str]:
    """Return the mean BLEU of the row's seeds in each band, with its deviation."""
    count = len(texts.sources)
    translations = [read_translations(each, SPLIT, count) for each in row.finished]
    for band in bands:
        values = [texts.bleu(each, band) for each in translations]
        mean = f"{statistics.fmean(values):.2f}"
        deviation = f" ± {statistics.stdev(values):.2f}" if len(set(values)) > 1 else ""
        yield f"{mean}{deviation}".replace("-", MINUS)


def lengths_or_reason(ablation: Ablation) -> tuple[Table | None, str]:
    """Return the table, or the reason why there is none although it was asked for."""
    try:
        return tabulate_lengths(ablation), ""
    except (UserError, OSError) as error:
        return None, f"There is no BLEU by length: {str(error).splitlines()[0]}."
