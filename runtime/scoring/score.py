"""BLEU (Papineni et al. 2002) and chrF (Popović 2015), by sacreBLEU (Post 2018)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from compiler.spec.training import Evaluation
from runtime.errors import UserError


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


def score(hypotheses: Sequence[str], references: Sequence[str], protocol: Evaluation) -> Scores:
    """Scores translations of plain text against one reference each.

    Raises a UserError if their numbers differ or there are none.
    """
    if len(hypotheses) != len(references):
        raise UserError(
            f"{len(hypotheses):,} hypotheses, but {len(references):,} references",
            help="each line of the one must be the translation of the same line of the other",
        )
    if not references:
        raise UserError("there is nothing to score: no hypothesis and no reference")
    # `force` only silences a guess that text is tokenised: the protocol is the author's decision
    bleu = BLEU(tokenize=protocol.tokenize, lowercase=protocol.lowercase, force=True)
    chrf = CHRF(lowercase=protocol.lowercase)
    return Scores(
        headline="chrf" if protocol.metric == "chrf" else "bleu",
        bleu=bleu.corpus_score(hypotheses, [references]).score,
        bleu_signature=str(bleu.get_signature()),
        chrf=chrf.corpus_score(hypotheses, [references]).score,
        chrf_signature=str(chrf.get_signature()),
    )
