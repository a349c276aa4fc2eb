"""BLEU (Papineni et al. 2002) and chrF (Popović 2015), by sacreBLEU (Post 2018)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal
from warnings import catch_warnings

from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from sacrebleu.utils import SACREBLEU_DIR

from compiler.spec.training import Evaluation
from runtime.errors import UserError

PACKAGES = {"ja-mecab": "sacrebleu[ja]", "ko-mecab": "sacrebleu[ko]"}
"""The requirement that `pip install` needs for the packages of a tokenizer."""
MOST_SPACED = 100
"""Lines that may end in " ." by chance, as sacreBLEU has it."""
LONGEST_NGRAM = 4
"""BLEU counts up to so many tokens in sequence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Scores of a corpus, 0 to 100, each with the signature that says how it was computed.

    `headline` names the one that the spec's author looks at.
    """

    headline: Literal["bleu", "chrf"]
    bleu: float
    bleu_signature: str
    chrf: float
    chrf_signature: str


def score(
    hypotheses: Sequence[str],
    references: Sequence[str],
    protocol: Evaluation,
    further: Sequence[Sequence[str]] = (),
) -> Scores:
    """Scores plain-text translations against one reference each and `further` ones.

    Raises a UserError if their numbers differ, there are none, or `bleu_metric` does.
    """
    every = [references, *further]
    for number, each in enumerate(every, start=1):
        if len(hypotheses) != len(each):
            which = f" in set {number}" if further else ""
            raise UserError(
                f"{len(hypotheses):,} hypotheses, but {len(each):,} references{which}",
                help="each line of the one must be the translation of the same line of the other",
            )
    if not references:
        raise UserError("there is nothing to score: no hypothesis and no reference")
    bleu, chrf = bleu_metric(protocol), CHRF(lowercase=protocol.lowercase)
    return Scores(
        headline="chrf" if protocol.metric == "chrf" else "bleu",
        bleu=bleu.corpus_score(hypotheses, every).score,
        bleu_signature=str(bleu.get_signature()),
        chrf=chrf.corpus_score(hypotheses, every).score,
        chrf_signature=str(chrf.get_signature()),
    )


def bleu_metric(protocol: Evaluation) -> BLEU:
    """BLEU by the tokenizer of a protocol.

    Raises a UserError where it needs a package that is not installed, or a model that cannot be
    loaded.
    """
    name = protocol.tokenize
    try:
        with catch_warnings(action="ignore", category=DeprecationWarning):  # of sacreBLEU itself
            # `force` silences a warning about tokenised text, which `doubts` gives
            return BLEU(tokenize=name, lowercase=protocol.lowercase, force=True)
    except (ImportError, RuntimeError, AssertionError, OSError, SystemExit) as error:
        if name in PACKAGES:
            message = f"tokenize {name} needs a package that is not installed"
            help = f"pip install '{PACKAGES[name]}'; or take another: char needs nothing"
        else:
            message = f"tokenize {name} needs a model that could not be loaded: {error}"
            help = f"sacreBLEU keeps such models in {SACREBLEU_DIR}/models: fetch it there once, "
            help += "remove it there if it is damaged, or take another: char needs nothing"
        raise UserError(message, help=help) from error


def doubts(
    hypotheses: Sequence[str], references: Sequence[str], protocol: Evaluation
) -> Iterator[str]:
    """Warnings about circumstances that make the score misleading, each a line."""
    spaced = sum(line.endswith(" .") for line in hypotheses)
    if spaced > MOST_SPACED and protocol.tokenize != "none":
        yield (
            "the hypotheses look tokenised (a space before the last full stop): BLEU is for plain "
            "text, and cuts it itself"
        )
    metric = bleu_metric(protocol)
    tokens = [len(metric.tokenizer(line.rstrip()).split()) for line in references]
    short = sum(0 < count < LONGEST_NGRAM for count in tokens)
    if 2 * short > len(references):
        yield (
            f"{short:,} of {len(references):,} references have fewer than {LONGEST_NGRAM} tokens "
            f"as {protocol.tokenize} cuts them: a translation equal to such a reference does not "
            "score 100; for text without spaces between words take zh, ja-mecab, ko-mecab, "
            "flores200 or char"
        )
