"""Beam search, through the network's incremental step; greedy search is a beam of 1.

A hypothesis is a row of tokens that ends in END, or in another token of `decoding.ends`, which is
meant wherever END is named here. Its score is the sum of the log-probabilities of
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

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import compress, count
from typing import Any, NamedTuple, assert_never

import torch
import torch.nn.functional as F
from torch import Tensor

from compiler.spec.decoding import BeamSearch
from runtime.data.symbols import BEGIN, PADDING
from runtime.errors import UserError
from runtime.inference.ends import END_ALONE, Ends
from runtime.inference.network import DecodingState, IncrementalModel, NotFinite
from runtime.inference.repetition import Repetition, keep_an_end
from runtime.inference.stepper import (
    LEAST_SHARE_TO_LEAVE,
    Stepper,
    is_asynchronous,
    is_time_to_look,
)

BLOCK = 64
"""The tokens whose maximum `best_candidates` takes before it sorts."""
LEAST_SHARE_ON_A_CPU = 0.2
"""The share of a batch that must be finished before its rows are dropped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesis:
    """A text: its tokens without END, and its score (END's log-probability included)."""

    tokens: tuple[int, ...]
    score: float


class BeamSearcher:
    """Decodes batches by beam search: the decoding method `beam`."""

    def __init__(self, decoding: BeamSearch) -> None:
        self.decoding, self.hypotheses = decoding, decoding.beam

    def refuse(self, n_best: int) -> None:
        """Raise a UserError if a search keeps less than is asked for."""
        if n_best > self.hypotheses:
            raise UserError(
                f"--n-best {n_best} is more than the beam of {self.hypotheses}",
                help=f"add --beam {n_best}",
            )

    def words(self) -> Iterator[str]:
        """Yield the settings in words."""
        yield f"beam {self.decoding.beam}"
        if self.decoding.beam > 1:
            yield f"length penalty {self.decoding.length_penalty} ({self.decoding.normalization})"

    @torch.inference_mode()
    def decode(
        self,
        model: IncrementalModel,
        state: DecodingState,
        text: Tensor,
        limits: Sequence[int],
        *,
        lines: Sequence[int] = (),  # noqa: ARG002
        n_best: int = 1,
        ends: Ends = END_ALONE,
    ) -> list[list[Hypothesis]]:
        """Search for the best hypotheses; see `runtime.inference.methods`.

        Raises ValueError for `n_best` beyond the beam, and for a network in training mode.
        """
        if not 1 <= n_best <= self.hypotheses:
            raise ValueError(
                f"expected n_best from 1 to the beam of {self.hypotheses}, got {n_best}"
            )
        if model.training:
            raise ValueError("expected a network in evaluation mode, got one in training mode")
        return self.search(model, state, text, limits, n_best, ends).run()

    def search(self, *begun: Any) -> "Search":
        """Return the search of a batch before its first step."""
        return Search(self.decoding, *begun)


class Candidates(NamedTuple):
    """Continuations of each sentence's hypotheses, the best first."""

    score: Tensor
    """[batch, count]: the sum of log-probabilities with the new token"""
    parent: Tensor
    """[batch, count]: the hypothesis that is continued"""
    token: Tensor
    """[batch, count]: the token that is added"""


@dataclass(slots=True, kw_only=True)
class BatchRows:
    """Tensors [batch, ...] that lose rows together."""

    def keep(self, rows: Tensor) -> None:
        """Drop all sentences of the batch but these."""
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name)[rows])


@dataclass(slots=True, kw_only=True)
class Bounds(BatchRows):
    """Limits and given tokens of each sentence, and whether its search has come to an end."""

    limit: Tensor
    """[batch]: the most tokens of a hypothesis"""
    largest_penalty: Tensor
    """[batch]: the length penalty of a hypothesis that reaches its limit"""
    text: Tensor
    """[batch, 1, given]: the tokens after BEGIN that were read before"""
    is_done: Tensor
    """[batch]: whether the search is over; what it finds later does not count"""
    is_nan: Tensor
    """[batch]: whether a score was no number"""


@dataclass(slots=True, kw_only=True)
class Live(BatchRows):
    """The hypotheses of each sentence that go on, all of one length, the best first."""

    score: Tensor
    """[batch, beam]: the sum of log-probabilities"""
    parent: Tensor
    """[batch, beam]: the hypothesis of the previous step that each extends"""
    token: Tensor
    """[batch, beam]: the newest token"""
    tokens: Tensor
    """[batch, beam, length]"""

    @classmethod
    def empty(cls, token: Tensor) -> "Live":
        """Return one empty hypothesis for each sentence, which goes on after token [batch, 1]."""
        return cls(
            score=torch.zeros(token.shape, device=token.device),
            parent=torch.zeros_like(token),
            token=token,
            tokens=token.new_empty(*token.shape, 0),
        )

    def continued(self, candidates: Candidates, is_end: Tensor, beam: int) -> "Live":
        """Return the best `beam` candidates that do not end."""
        score = candidates.score.masked_fill(is_end, -torch.inf)
        score, best = score.topk(min(beam, score.size(1)))
        parent, token = candidates.parent.gather(1, best), candidates.token.gather(1, best)
        tokens = torch.cat((select(self.tokens, parent), token.unsqueeze(2)), dim=2)
        return Live(score=score, parent=parent, token=token, tokens=tokens)


@dataclass(slots=True, kw_only=True)
class Finished(BatchRows):
    """The best hypotheses of each sentence that have ended, and the number of all of them."""

    score: Tensor
    """[batch, n_best], the best first; -inf where there is none yet"""
    tokens: Tensor
    """[batch, n_best, length], PADDING on the right"""
    count: Tensor
    """[batch]"""

    @classmethod
    def none(cls, batch: int, n_best: int, device: torch.device) -> "Finished":
        """Return a batch of sentences without a finished hypothesis."""
        return cls(
            score=torch.full((batch, n_best), -torch.inf, device=device),
            tokens=torch.empty(batch, n_best, 0, dtype=torch.int64, device=device),
            count=torch.zeros(batch, dtype=torch.int64, device=device),
        )

    def add(self, score: Tensor, tokens: Tensor, is_end: Tensor) -> None:
        """Add hypotheses of one length where they end: score, is_end [batch, new]."""
        if not is_asynchronous(is_end.device) and not is_end.any():
            return
        self.count += is_end.sum(1)
        score = torch.cat((self.score, score.masked_fill(~is_end, -torch.inf)), dim=1)
        longer = F.pad(self.tokens, (0, tokens.size(2) - self.tokens.size(2)), value=PADDING)
        self.score, best = score.topk(self.score.size(1))
        self.tokens = select(torch.cat((longer, tokens), dim=1), best)

    def of(self, rows: Tensor) -> "Finished":
        """Return the finished hypotheses of the sentences in these rows of the batch."""
        return Finished(**{each.name: getattr(self, each.name)[rows] for each in fields(self)})

    def hypotheses(self) -> Iterator[list[Hypothesis]]:
        """Yield the finished hypotheses of each sentence, the best first."""
        for scores, texts in zip(self.score.tolist(), self.tokens.tolist(), strict=True):
            yield [
                Hypothesis(tokens=tuple(token for token in tokens if token != PADDING), score=score)
                for score, tokens in zip(scores, texts, strict=True)
                if score != -torch.inf
            ]


class Search:
    """The search of a batch, between two steps. All rows belong to hypotheses of one length."""

    def __init__(
        self,
        decoding: BeamSearch,
        model: IncrementalModel,
        state: DecodingState,
        text: Tensor,
        limits: Sequence[int],
        n_best: int,
        ends: Ends = END_ALONE,
    ) -> None:
        batch, device = text.size(0), text.device
        self.decoding, self.ends = decoding, ends
        self.steps = Stepper(model, state, text.size(1) - 1)
        self.repetition = Repetition.of(decoding)
        self.sentences, self.limits = list(range(batch)), list(limits)
        penalties = [length_penalty(limit + 1, decoding) for limit in limits]
        self.bounds = Bounds(
            limit=torch.tensor(limits, device=device),
            largest_penalty=torch.tensor(penalties, device=device),
            text=text[:, None, 1:],
            is_done=torch.zeros(batch, dtype=torch.bool, device=device),
            is_nan=torch.zeros(batch, dtype=torch.bool, device=device),
        )
        self.live = Live.empty(text[:, -1:])
        self.finished = Finished.none(batch, n_best, device)
        self.left: list[tuple[list[int], Finished]] = []

    def run(self) -> list[list[Hypothesis]]:
        """Search to the end -> the best hypotheses of each sentence."""
        device = self.bounds.limit.device
        for steps in count(1):
            self.bounds.is_done |= self.advance(self._next_token_scores())
            if is_time_to_look(device, steps) or steps > max(self.limits):
                self._look(
                    LEAST_SHARE_TO_LEAVE if is_asynchronous(device) else LEAST_SHARE_ON_A_CPU
                )
            if not self.sentences:
                break
        results = {
            sentence: found
            for sentences, finished in self.left
            for sentence, found in zip(sentences, finished.hypotheses(), strict=True)
        }
        return [results[sentence] for sentence in sorted(results)]

    def advance(self, scores: Tensor) -> Tensor:
        """Continue every live hypothesis by one token -> [batch]: where the search is over.

        scores [batch, beam, vocabulary] are the log-probabilities of the next tokens.
        """
        beam = self.decoding.beam
        count = min((1 + len(self.ends)) * beam, scores[0].numel())  # `beam` of them go on
        candidates = best_candidates(self.live.score, scores, count)
        self.bounds.is_nan |= candidates.score[:, 0].isnan()  # to `topk` the best score of all
        is_possible = candidates.score > -torch.inf
        is_end = self.ends.are(candidates.token) & is_possible
        length = self.live.tokens.size(2)
        score = candidates.score[:, :beam] / length_penalty(length + 1, self.decoding)
        ended = select(self.live.tokens, candidates.parent[:, :beam])
        self.finished.add(score, ended, is_end[:, :beam] & ~self.bounds.is_done.unsqueeze(1))
        self.live = self.live.continued(candidates, is_end, beam)
        is_full_of_ends = (is_end | ~is_possible)[:, :beam].all(1)
        best_possible = self.live.score[:, 0] / self.bounds.largest_penalty
        return is_full_of_ends | (self.finished.score[:, -1] >= best_possible) | self._has_enough()

    def _has_enough(self) -> Tensor:
        """Return [batch]: true where `beam` hypotheses are finished, if `stop` is `beam`."""
        most = self.decoding.beam if self.decoding.stop == "beam" else torch.inf
        return self.finished.count >= most

    def _next_token_scores(self) -> Tensor:
        """Return log-probabilities [batch, beam, vocabulary] of next tokens, -inf if forbidden."""
        logits = self.steps(self.live.token, self.live.parent)
        text = self._text() if self.repetition else None
        if self.repetition and text is not None:
            logits = self.repetition.penalize(logits, text)
        # the fused kernel writes them all in less time than `logsumexp` takes for the divisor
        scores = F.log_softmax(logits, dim=-1)
        for never in (PADDING, BEGIN):
            scores[..., never].fill_(-torch.inf)
        own = self.ends.scores(scores)
        self._bound_lengths(scores, own)
        if self.repetition and text is not None:
            self.repetition.forbid(scores, text)
            keep_an_end(scores, own[0])
        return scores

    def _text(self) -> Tensor:
        """Return the tokens that each hypothesis has read, without BEGIN [batch, beam, length]."""
        given = self.bounds.text.expand(-1, self.live.tokens.size(1), -1)
        return torch.cat((given, self.live.tokens), dim=2)

    def _bound_lengths(self, scores: Tensor, own: Sequence[Tensor]) -> None:
        """Forbid ends below the least length, and all but ends, with their scores, at a limit."""
        length = self.live.tokens.size(2)
        if length < self.decoding.min_length:
            self.ends.forbid(scores)
        if length >= min(self.limits):
            is_full = self.bounds.limit <= length
            scores.masked_fill_(is_full[:, None, None], -torch.inf)
            self.ends.give_back(scores, own, is_full[:, None])

    def _look(self, least_share: float) -> None:
        """Ask which searches are over; drop their rows once there are enough of them.

        This is the only question to the device in a step. Raises NotFinite.
        """
        is_done, is_nan = torch.stack((self.bounds.is_done, self.bounds.is_nan)).tolist()
        if any(is_nan):
            raise NotFinite(min(compress(self.sentences, is_nan)))
        over = sum(is_done)
        if over < max(least_share * len(is_done), 1):
            return
        order = self.bounds.is_done.argsort(stable=True)  # made there, since an upload would wait
        gone = list(compress(self.sentences, is_done))
        self.left.append((gone, self.finished.of(order[len(is_done) - over :])))
        is_live = [not each for each in is_done]
        self.sentences = list(compress(self.sentences, is_live))
        self.limits = list(compress(self.limits, is_live))
        if self.sentences:
            self.keep(order[: len(is_done) - over])

    def keep(self, rows: Tensor) -> None:
        """Drop all sentences but those in these rows of the batch."""
        for each in (self.steps, self.bounds, self.live, self.finished):
            each.keep(rows)


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


def length_penalty(length: int, decoding: BeamSearch) -> float:
    """Return the divisor of scores of `length` tokens, END included; it never falls with `length`.

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
