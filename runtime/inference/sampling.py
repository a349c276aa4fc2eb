"""Text that is drawn, token by token, by the probabilities that the network gives.

A draw is a function of the seed, the line of the prompt and the number of the token, so that what
stands beside a text in a batch has no part in it.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from compiler.spec.decoding import Sampling
from runtime.data.symbols import BEGIN, END, PADDING
from runtime.errors import UserError
from runtime.inference.beam_search import Hypothesis
from runtime.inference.network import DecodingState, IncrementalModel, NotFinite, check_logits
from runtime.inference.repetition import Repetition, keep_an_end

COLDEST = 1e-30
"""A temperature below which the likeliest token is drawn all the same; float32 has no smaller."""


class Sampler:
    """The method `sample`."""

    hypotheses = 1

    def __init__(self, decoding: Sampling) -> None:
        self.decoding = decoding

    def refuse(self, n_best: int) -> None:
        """Raises a UserError for more than one text."""
        if n_best > 1:
            raise UserError(
                f"--n-best {n_best} is for a search, and here tokens are drawn",
                help="give the prompt as often as you want a text, or set `decoding.kind=beam`",
            )

    def words(self) -> Iterator[str]:
        """Yields the settings in words."""
        yield f"temperature {self.decoding.temperature}"
        if self.decoding.top_k is not None:
            yield f"among the {self.decoding.top_k} likeliest tokens"
        if self.decoding.top_p < 1:
            yield f"among {self.decoding.top_p:.0%} of the probability"

    @torch.inference_mode()
    def decode(
        self,
        model: IncrementalModel,
        state: DecodingState,
        text: Tensor,
        limits: Sequence[int],
        *,
        lines: Sequence[int],
        n_best: int = 1,
    ) -> list[list[Hypothesis]]:
        """Draws a text for each row, its score 0; see `runtime.inference.methods`."""
        self.refuse(n_best)
        texts: list[list[int]] = [[] for _ in lines]
        repetition = Repetition.of(self.decoding)
        draws = uniform_draws(lines, max(limits), self.decoding.seed).to(text.device)
        live = list(range(len(lines)))
        token, read = text[:, -1:], text[:, 1:]
        parent = torch.zeros_like(token)
        for length in range(max(limits)):
            logits = model.project(model.step(token, parent, state)).float().squeeze(1)
            logits = self._bounded(logits, length, repetition, read)
            _check(logits, live)
            token = draw(logits, draws[live, length], self.decoding).unsqueeze(1)
            read = torch.cat((read, token), dim=1) if repetition else read
            staying = _going_on(texts, live, token, limits)
            if not staying:
                break
            if len(staying) < len(live):
                index = torch.tensor(staying, device=token.device)
                state.keep(index)
                token, parent, read = token[index], parent[index], read[index]
                live = [live[place] for place in staying]
        return [[Hypothesis(tokens=tuple(each), score=0.0)] for each in texts]

    def _bounded(
        self, logits: Tensor, length: int, repetition: Repetition | None, read: Tensor
    ) -> Tensor:
        """Forbids symbols, END below the least length, and what `read` must not repeat."""
        end = logits[:, END].clone()
        logits[:, [PADDING, BEGIN]] = -torch.inf
        if length < self.decoding.min_length:
            logits[:, END] = -torch.inf
        if repetition:
            logits = repetition.penalize(logits, read)
            repetition.forbid(logits, read)
            keep_an_end(logits, end)
        return logits


def _check(logits: Tensor, live: list[int]) -> None:
    """Raises NotFinite where logits [batch, vocabulary] have a NaN or are all -inf."""
    try:
        check_logits(logits)
    except NotFinite as error:
        raise NotFinite(live[error.row]) from None


def _going_on(
    texts: list[list[int]], live: list[int], token: Tensor, limits: Sequence[int]
) -> list[int]:
    """Adds each token but END to its text -> the rows of those below their limits that go on."""
    staying = []
    for row, (text, drawn) in enumerate(zip(live, token.flatten().tolist(), strict=True)):
        if drawn != END and len(texts[text]) < limits[text]:
            texts[text].append(drawn)
            staying.append(row)
    return staying


def draw(logits: Tensor, uniform: Tensor, sampling: Sampling) -> Tensor:
    """logits [batch, vocabulary], numbers from 0 to 1 [batch] -> tokens [batch]

    The number says how far to go through the tokens that may be drawn, the likeliest first.
    """
    below = logits - logits.amax(-1, keepdim=True)  # a small temperature must not make infinities
    cooled = below / max(sampling.temperature, COLDEST)
    scores, order = cooled.sort(dim=-1, descending=True, stable=True)
    share = scores.softmax(dim=-1)
    above = share.cumsum(dim=-1) - share
    may_not = above >= sampling.top_p
    may_not[:, 0] = False
    if sampling.top_k is not None:
        may_not[:, sampling.top_k :] = True
    ends = share.masked_fill(may_not, 0.0).cumsum(dim=-1)
    goal = (uniform.to(ends.dtype) * ends[:, -1]).unsqueeze(1)
    place = (ends <= goal).sum(dim=-1, keepdim=True)
    last = (share.masked_fill(may_not, 0.0) > 0).sum(dim=-1, keepdim=True) - 1
    return order.gather(1, torch.minimum(place, last)).squeeze(1)


def uniform_draws(lines: Sequence[int], length: int, seed: int) -> Tensor:
    """[lines, length]: numbers from 0 to below 1, a stream of its own for each line."""
    rows = [
        np.random.Philox(key=[seed, 0], counter=[0, 0, 0, line]).random_raw(length)
        for line in lines
    ]
    raw = np.array(rows, dtype=np.uint64).reshape(len(lines), length)
    return torch.from_numpy((raw >> np.uint64(11)).astype(np.float64) * 2.0**-53)
