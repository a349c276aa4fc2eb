"""Translations of a text by a trained network, scored by the protocol of its spec."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import torch
from torch import nn

from compiler.spec.decoding import Decoding, other_decoding
from compiler.spec.spec import Spec
from compiler.spec.training import Evaluation
from runtime.checkpoints.choice import Weights
from runtime.data.prepare import Prepared
from runtime.inference.engines.ctranslate2_network import CTranslate2Network
from runtime.inference.load import load_as
from runtime.inference.translator import Translator
from runtime.run import Run
from runtime.scoring.measures import (
    Measure,
    ScoringSet,
    Split,
    evaluation_files,
    read_scoring_set,
    write_evaluation,
)
from runtime.scoring.phenomena import Score as PhenomenonScore
from runtime.scoring.phenomena import phenomena_scores
from runtime.scoring.score import Scores, bleu_metric, doubts, score
from runtime.training.interruption import Abandoned
from runtime.training.precision import Precision, inference_precision
from runtime.training.validation import Score
from runtime.training.workers import Workers


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """The time that decoding a set took, the network being loaded; END is not counted."""

    sentences: int
    tokens: int
    seconds: float

    @property
    def tokens_per_second(self) -> float:
        return self.tokens / self.seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """Scores of a run on one split, and how they came about."""

    split: Split
    text: dict[str, str]
    """The SHA-256 of each file that was scored."""
    scores: Scores
    protocol: Evaluation
    decoding: Decoding
    weights: Weights
    int8: bool
    precision: Precision = "float32"
    """The type of matrix products that are not in int8."""
    workers: int
    """Processes, or threads of an export, that shared the work."""
    engine: str = "own"
    """The program that decoded: `own`, or another one with its version."""
    speed: Speed
    phenomena: dict[str, PhenomenonScore]
    sources: list[str]
    references: list[str]
    hypotheses: list[str]

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The scores with their signatures."""
        scores = self.scores
        return (
            Measure(name="bleu", value=scores.bleu, protocol=scores.bleu_signature),
            Measure(name="chrf", value=scores.chrf, protocol=scores.chrf_signature),
        )

    def write(self, run: Path) -> tuple[Path, Path]:
        """Writes evaluation-<split>.txt, the translations, and .json, the rest, into a run."""
        write_evaluation(run, self.split, self.hypotheses, self._report())
        return evaluation_files(run, self.split)

    def _report(self) -> dict[str, object]:
        return {
            "split": self.split,
            "files": self.text,
            **asdict(self.scores),
            "tokenize": self.protocol.tokenize,
            "lowercase": self.protocol.lowercase,
            "decoding": self.decoding.model_dump(),
            **self.weights.record(),
            "int8": self.int8,
            "precision": self.precision,
            "workers": self.workers,
            "engine": self.engine,
            **asdict(self.speed),
            "tokens_per_second": self.speed.tokens_per_second,
            "phenomena": {name: asdict(score) for name, score in self.phenomena.items()},
        }


Advance = Callable[[int], None]
Progress = Callable[[str, int], AbstractContextManager[Advance]]
"""A function that begins a display of progress, given the name of the work and its total amount; it
yields an `Advance`, to be called with each amount that is done."""


@contextmanager
def no_progress(_what: str, _total: int) -> Iterator[Advance]:
    """Display no progress."""
    yield lambda _: None


def evaluate_translations(
    run: Run,
    split: Split,
    *,
    average: int | None = None,
    decoding: Decoding | None = None,
    device: str | None = None,
    int8: bool = False,
    workers: int = 1,
    precision: Precision | None = None,
    network: CTranslate2Network | None = None,
    progress: Progress = no_progress,
    report: Callable[[str], None] = print,
) -> Evaluated:
    """Scores of a run; what is not said is as in its spec.

    `network` is an export of these weights, which translates in the place of the run's own network.
    """
    if network is not None:
        own = run.package.spec
        spec = own.model_copy(update={"decoding": decoding or own.decoding})
        exported = Translator.of_run(run, network, spec, workers)
        return _scored(
            run,
            split,
            _translated(own, split, exported, progress, report),
            decoding=spec.decoding,
            weights=run.used(average),
            int8=int8,
            precision="float32",
            workers=workers,
            engine=str(network),
        )
    translator = load_as(
        Translator,
        run,
        average=average,
        decoding=decoding,
        device=device,
        int8=int8,
        workers=workers,
        precision=precision,
    )
    spec = run.package.spec
    place = next(cast(nn.Module, translator.model).parameters()).device
    return _scored(
        run,
        split,
        _translated(spec, split, translator, progress, report),
        decoding=decoding or spec.decoding,
        weights=run.used(average),
        int8=int8,
        precision=inference_precision(precision, spec.training.precision, place),
        workers=workers,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Translated:
    """A text, its translations by a network, and the time that they took."""

    text: ScoringSet
    hypotheses: list[str]
    speed: Speed


def _translated(
    spec: Spec,
    split: Split,
    translator: Translator,
    progress: Progress,
    report: Callable[[str], None],
) -> _Translated:
    """Translate a split; report what makes its scores doubtful."""
    text = read_scoring_set(spec, split, translator.target_tokenizer)
    bleu_metric(spec.evaluation)  # raises now, not after hours of translating
    hypotheses, speed = timed_translations(translator, text.sources, progress, report)
    for doubt in doubts(hypotheses, text.references, spec.evaluation):
        report(f"warning: {doubt}")
    return _Translated(text=text, hypotheses=hypotheses, speed=speed)


def _scored(
    run: Run,
    split: Split,
    translated: _Translated,
    *,
    decoding: Decoding,
    weights: Weights,
    int8: bool,
    precision: Precision,
    workers: int,
    engine: str = "own",
) -> Evaluated:
    """Score translations that were computed in the given way."""
    spec, text, hypotheses = run.package.spec, translated.text, translated.hypotheses
    return Evaluated(
        split=split,
        text=run.text_digests(split),
        scores=score(hypotheses, text.references, spec.evaluation, text.further),
        protocol=spec.evaluation,
        decoding=decoding,
        weights=weights,
        int8=int8,
        precision=precision,
        workers=workers,
        engine=engine,
        speed=translated.speed,
        phenomena=phenomena_scores(spec, hypotheses) if split == "test" else {},
        sources=text.sources,
        references=text.references,
        hypotheses=hypotheses,
    )


def timed_translations(
    translator: Translator,
    sources: Sequence[str],
    progress: Progress,
    report: Callable[[str], None],
) -> tuple[list[str], Speed]:
    """The best translation of each source."""
    started = time.perf_counter()
    with progress("translating", len(sources)) as advance:
        several = translator.translate_n_best(sources, 1, report=report, advance=advance)
    seconds = time.perf_counter() - started
    tokens = sum(best.tokens for best, *_ in several)
    speed = Speed(sentences=len(several), tokens=tokens, seconds=seconds)
    return [best.text for best, *_ in several], speed


def greedy_bleu(spec: Spec) -> Score:
    """A function that gives the BLEU of a network's greedy translations of the validation set.

    Several processes share the sentences, and the first one scores all translations.
    """
    decoding = other_decoding(spec.decoding, "beam", beam=1)
    greedy = spec.model_copy(update={"decoding": decoding})

    if spec.training.validation.bleu:
        bleu_metric(spec.evaluation)  # raises now, not after the training

    def bleu(
        model: nn.Module, prepared: Prepared, workers: Workers, is_stopping: Callable[[], bool]
    ) -> float:
        text = read_scoring_set(spec, "valid", prepared.target)
        translator = Translator(model, prepared.source, prepared.target, greedy)
        own = text.sources[workers.rank :: workers.size]
        shares = workers.gather_objects(abandonable_translations(translator, own, is_stopping))
        hypotheses = [""] * len(text.sources)
        for rank, share in enumerate(shares):
            if share is None:
                raise Abandoned
            hypotheses[rank :: workers.size] = share
        found = torch.zeros(1, dtype=torch.float64)
        if workers.is_first:
            found[0] = score(hypotheses, text.references, spec.evaluation, text.further).bleu
        workers.add_up(found)
        return found.item()

    return bleu


def abandonable_translations(
    translator: Translator, sources: Sequence[str], is_stopping: Callable[[], bool]
) -> list[str] | None:
    """The best translation of each source; None once `is_stopping` is true after a batch."""

    def advance(_: int) -> None:
        if is_stopping():
            raise Abandoned

    try:
        several = translator.translate_n_best(sources, 1, advance=advance)
    except Abandoned:
        return None
    return [best.text for best, *_ in several]
