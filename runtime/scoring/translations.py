"""The translations of a split by a trained network, scored by the protocol of its spec."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from compiler.spec.training import Decoding
from runtime.decoding.load import load_translator
from runtime.decoding.translator import Translator
from runtime.run import Run
from runtime.scoring.evaluation import Evaluated, Speed
from runtime.scoring.phenomena import phenomena_scores
from runtime.scoring.score import bleu_metric, doubts, score
from runtime.scoring.scoring_set import Split, read_scoring_set

Advance = Callable[[int], None]
Progress = Callable[[str, int], AbstractContextManager[Advance]]
"""Of what, and how much of it in all -> what is told how much more of it is done."""


@contextmanager
def no_progress(_what: str, _total: int) -> Iterator[Advance]:
    """Shows nothing."""
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
    progress: Progress = no_progress,
    report: Callable[[str], None] = print,
) -> Evaluated:
    """Scores of a run; what is not said is as in its spec."""
    spec = run.package.spec
    translator = load_translator(
        run, average=average, decoding=decoding, device=device, int8=int8, workers=workers
    )
    text = read_scoring_set(spec, split, translator.target_tokenizer)
    bleu_metric(spec.evaluation)  # raises now, not after hours of translating
    hypotheses, speed = timed_translations(translator, text.sources, progress, report)
    for doubt in doubts(hypotheses, text.references, spec.evaluation):
        report(f"warning: {doubt}")
    return Evaluated(
        split=split,
        text=run.text_digests(split),
        scores=score(hypotheses, text.references, spec.evaluation, text.further),
        protocol=spec.evaluation,
        decoding=decoding or spec.decoding,
        int8=int8,
        workers=workers,
        weights=run.used(average),
        speed=speed,
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
