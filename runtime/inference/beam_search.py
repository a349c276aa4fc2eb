"""Beam search, through the network's incremental step; greedy search is a beam of 1.

A hypothesis is a row of tokens that ends in END. Its score is the sum of the log-probabilities of
these tokens divided by `length_penalty` (Wu et al. 2016, section 7). At each step, a sentence's
candidates are all continuations of its live hypotheses by one token. Of the best `beam`, those by
END are finished; the live hypotheses of the next step are the best `beam` of the others, so that
finished ones take no room from them. The search of a sentence ends

* when END fills the best `beam` candidates (with a beam of 1: when END is the best token), or
* when `beam` hypotheses are finished, unless `decoding.stop` says to go on until it is certain, or
* when no live hypothesis can beat the worst of the `n_best` kept: its sum can only fall, so that
  its score stays below its sum now over the penalty of the longest translation allowed.

A hypothesis that has reached its sentence's limit is continued by END alone, whose log-probability
it pays like any other; one of less than `min_length` tokens is not continued by END. PADDING and
BEGIN are never chosen. `runtime.inference.repetition` says what `no_repeat_ngram` forbids and how
`repetition_penalty` changes the logits, before they become probabilities.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, assert_never

import torch
import torch.nn.functional as F
from torch import Tensor

from compiler.spec.training import Decoding
from runtime.data.symbols import BEGIN, END, PADDING
from runtime.inference.network import (
    DecodingState,
    IncrementalModel,
    NotFinite,
    TranslationModel,
    check_finite,
    read_all_but_last,
)
from runtime.inference.repetition import Repetition, keep_an_end

BLOCK = 64
LEAST_SHARE_TO_LEAVE = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesis:
    """A translation: its tokens without END, and its score (END's log-probability included)."""

    tokens: tuple[int, ...]
    score: float


class Candidates(NamedTuple):
    """Continuations of each sentence's hypotheses, the best first."""

    score: Tensor
    """[batch, count]: the sum of log-probabilities with the new token"""
    parent: Tensor
    """[batch, count]: the hypothesis that is continued"""
    token: Tensor
    """[batch, count]: by which token"""


@torch.inference_mode()
def beam_search(
    model: TranslationModel,
    source: Tensor,
    limits: Sequence[int],
    decoding: Decoding,
    *,
    n_best: int = 1,
    prefix: Tensor | None = None,
) -> list[list[Hypothesis]]:
    """Searches for the best translations of each sentence.

    source [batch, source], limits: the most tokens of each translation, END not counted
    -> for each sentence its best hypotheses, at most `n_best`, the best first. The result of a
    sentence does not depend on the others in the batch. A prefix [batch, prefix] begins each
    translation: hypotheses, their scores and limits begin after it.
    Raises ValueError for `n_best` beyond the beam.
    """
    text = torch.full((source.size(0), 1), BEGIN, device=source.device)
    if prefix is not None:
        text = torch.cat((text, prefix), dim=1)
    state = model.start(source)
    read_all_but_last(model, state, text)
    return search_from(model, state, text, limits, decoding, n_best=n_best)


@torch.inference_mode()
def search_from(
    model: IncrementalModel,
    state: DecodingState,
    text: Tensor,
    limits: Sequence[int],
    decoding: Decoding,
    *,
    n_best: int = 1,
) -> list[list[Hypothesis]]:
    """`beam_search` from a state that has read all but the last token of each text [batch, length].

    Hypotheses begin after the text, and limits count from there. Raises NotFinite for the first
    row whose scores are not finite.
    """
    if not 1 <= n_best <= decoding.beam:
        raise ValueError(f"expected n_best from 1 to the beam of {decoding.beam}, got {n_best}")
    if model.training:
        raise ValueError("expected a network in evaluation mode, got one in training mode")
    search = _Search(model, state, text, limits, decoding, n_best)
    while len(search.results) < text.size(0):
        search.advance()
    return [search.results[sentence] for sentence in range(text.size(0))]


class _Search:
    """The search of a batch, between two steps. All rows belong to hypotheses of one length."""

    def __init__(
        self,
        model: IncrementalModel,
        state: DecodingState,
        text: Tensor,
        limits: Sequence[int],
        decoding: Decoding,
        n_best: int,
    ) -> None:
        batch, device = text.size(0), text.device
        self.model, self.decoding = model, decoding
        self.repetition = Repetition.of(decoding)
        self.results: dict[int, list[Hypothesis]] = {}
        self.sentences = list(range(batch))
        self.limit = torch.tensor(limits, device=device)
        self.shortest = min(limits, default=0)
        penalties = [length_penalty(limit + 1, decoding) for limit in limits]
        self.largest_penalty = torch.tensor(penalties, device=device)
        self.state = state
        self.total = torch.zeros(batch, 1, device=device)
        self.parent = torch.zeros(batch, 1, dtype=torch.int64, device=device)
        self.token = text[:, -1:]
        self.given = text[:, None, 1:]
        self.prefix = torch.empty(batch, 1, 0, dtype=torch.int64, device=device)
        self.kept = torch.empty(batch, n_best, 0, dtype=torch.int64, device=device)
        self.finished = torch.zeros(batch, dtype=torch.int64, device=device)
        self.kept_score = torch.full((batch, n_best), -torch.inf, device=device)

    def advance(self) -> None:
        """One more token for every live hypothesis."""
        scores = self._next_token_scores()
        count = min(2 * self.decoding.beam, scores[0].numel())
        candidates = best_candidates(self.total, scores, count)
        self._check(candidates)
        is_possible = candidates.score > -torch.inf
        is_end = (candidates.token == END) & is_possible
        self._keep_finished(candidates, is_end)
        self._continue(candidates, is_end)
        is_full_of_ends = (is_end | ~is_possible)[:, : self.decoding.beam].all(1)
        cannot_improve = self.kept_score[:, -1] >= self.total[:, 0] / self.largest_penalty
        self._leave(is_full_of_ends | cannot_improve | self._has_enough())

    def _has_enough(self) -> Tensor:
        """[batch]: where as many hypotheses are finished as the beam is wide, if that is enough."""
        most = self.decoding.beam if self.decoding.stop == "beam" else torch.inf
        return self.finished >= most

    def _next_token_scores(self) -> Tensor:
        """Log-probabilities [batch, beam, vocabulary] of the next tokens, -inf where forbidden."""
        features = self.model.step(self.token, self.parent, self.state)
        logits = self.model.project(features).float()
        text = self._text() if self.repetition else None
        if self.repetition and text is not None:
            logits = self.repetition.penalize(logits, text)
        # the fused kernel writes them all in less time than `logsumexp` takes for the divisor
        scores = F.log_softmax(logits, dim=-1)
        scores[..., [PADDING, BEGIN]] = -torch.inf
        end = scores[..., END].clone()
        self._bound_lengths(scores, end)
        if self.repetition and text is not None:
            self.repetition.forbid(scores, text)
            keep_an_end(scores, end)
        return scores

    def _text(self) -> Tensor:
        """All tokens but BEGIN that were read for each hypothesis [batch, beam, length]."""
        given = self.given.expand(-1, self.prefix.size(1), -1)
        return torch.cat((given, self.prefix), dim=2)

    def _check(self, candidates: Candidates) -> None:
        """Raises NotFinite for NaN, which `topk` would take for the best score of all."""
        try:
            check_finite(~candidates.score.isnan())
        except NotFinite as error:
            raise NotFinite(self.sentences[error.row]) from None

    def _bound_lengths(self, scores: Tensor, end: Tensor) -> None:
        """Forbids END below the least length, and all but END, with its score, at a limit."""
        length = self.prefix.size(2)
        if length < self.decoding.min_length:
            scores[..., END] = -torch.inf
        if length >= self.shortest:
            is_full = self.limit <= length
            scores[is_full] = -torch.inf
            scores[is_full, :, END] = end[is_full]

    def _keep_finished(self, candidates: Candidates, is_end: Tensor) -> None:
        """Adds the best `beam` candidates that end to the best that have ended before."""
        beam, length = self.decoding.beam, self.prefix.size(2)
        is_end = is_end[:, :beam]
        if not is_end.any():
            return
        self.finished += is_end.sum(1)
        score = candidates.score[:, :beam] / length_penalty(length + 1, self.decoding)
        score = torch.cat((self.kept_score, score.masked_fill(~is_end, -torch.inf)), dim=1)
        longer = F.pad(self.kept, (0, length - self.kept.size(2)), value=PADDING)
        tokens = torch.cat((longer, select(self.prefix, candidates.parent[:, :beam])), dim=1)
        self.kept_score, best = score.topk(self.kept_score.size(1))
        self.kept = select(tokens, best)

    def _continue(self, candidates: Candidates, is_end: Tensor) -> None:
        """The best candidates that do not end become the live hypotheses."""
        score = candidates.score.masked_fill(is_end, -torch.inf)
        self.total, best = score.topk(min(self.decoding.beam, score.size(1)))
        self.parent = candidates.parent.gather(1, best)
        self.token = candidates.token.gather(1, best)
        self.prefix = torch.cat((select(self.prefix, self.parent), self.token.unsqueeze(2)), dim=2)

    def _leave(self, is_done: Tensor) -> None:
        """Notes the results of sentences that are done; drops them once they are a fair share."""
        for row in is_done.nonzero().flatten().tolist():
            self.results.setdefault(self.sentences[row], self._hypotheses(row))
        live = [row for row, name in enumerate(self.sentences) if name not in self.results]
        left = len(self.sentences) - len(live)
        if live and left >= LEAST_SHARE_TO_LEAVE * len(self.sentences):
            self._keep(live)

    def _hypotheses(self, row: int) -> list[Hypothesis]:
        scores, rows = self.kept_score[row].tolist(), self.kept[row].tolist()
        return [
            Hypothesis(tokens=tuple(token for token in tokens if token != PADDING), score=score)
            for tokens, score in zip(rows, scores, strict=True)
            if score != -torch.inf
        ]

    def _keep(self, rows: list[int]) -> None:
        """Drops all sentences but those in these rows of the batch."""
        index = torch.tensor(rows, device=self.total.device)
        self.sentences = [self.sentences[row] for row in rows]
        self.state.keep(index)
        self.limit, self.largest_penalty = self.limit[index], self.largest_penalty[index]
        self.shortest = int(self.limit.min())
        self.total, self.prefix = self.total[index], self.prefix[index]
        self.given = self.given[index]
        self.parent, self.token = self.parent[index], self.token[index]
        self.kept, self.kept_score = self.kept[index], self.kept_score[index]
        self.finished = self.finished[index]


def select(rows: Tensor, index: Tensor) -> Tensor:
    """rows [batch, from, length], index [batch, to] -> [batch, to, length]"""
    return rows.gather(1, index.unsqueeze(2).expand(-1, -1, rows.size(2)))


def best_candidates(total: Tensor, scores: Tensor, count: int) -> Candidates:
    """total [batch, beam] of the hypotheses, scores [batch, beam, vocabulary] of their next tokens.

    The `count` best lie in the `count` blocks with the highest maxima, so that only those are
    sorted: a fourth of the time of `topk` over everything (10,000 tokens, beam 4, CPU).
    """
    vocabulary = scores.size(2)
    maxima = total.unsqueeze(2) + block_maxima(scores)
    blocks = maxima.size(2)
    count_blocks = min(count, blocks * maxima.size(1))
    best_block = maxima.flatten(1).topk(count_blocks, sorted=False).indices.unsqueeze(2)
    token = best_block % blocks * BLOCK + torch.arange(BLOCK, device=scores.device)
    is_beyond = (token >= vocabulary).flatten(1)
    token = token.clamp(max=vocabulary - 1).flatten(1)
    parent = (best_block // blocks).expand(-1, -1, BLOCK).flatten(1)
    score = total.gather(1, parent) + scores.flatten(1).gather(1, parent * vocabulary + token)
    best = score.masked_fill(is_beyond, -torch.inf).topk(count)
    return Candidates(
        score=best.values,
        parent=parent.gather(1, best.indices),
        token=token.gather(1, best.indices),
    )


def block_maxima(scores: Tensor) -> Tensor:
    """[..., vocabulary] -> [..., blocks]: maxima of BLOCK tokens; the last block may be short."""
    whole = scores.size(-1) // BLOCK * BLOCK
    maxima = scores[..., :whole].view(*scores.shape[:-1], -1, BLOCK).amax(-1)
    if whole == scores.size(-1):
        return maxima
    return torch.cat((maxima, scores[..., whole:].amax(-1, keepdim=True)), dim=-1)


def length_penalty(length: int, decoding: Decoding) -> float:
    """The divisor for a hypothesis of `length` tokens, END included; it never falls with `length`.

    With the exponent `decoding.length_penalty`: ((5 + length) / 6)^exponent (Wu et al. 2016,
    equation 14) or length^exponent.
    """
    match decoding.normalization:
        case "gnmt":
            return ((5 + length) / 6) ** decoding.length_penalty
        case "length":
            return float(length**decoding.length_penalty)
        case other:
            assert_never(other)
