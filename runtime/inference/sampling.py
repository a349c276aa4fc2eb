"""Text that is drawn, token by token, by the probabilities that the network gives.

A draw is a function of the seed, the line of the prompt and the number of the token, so that what
stands beside a text in a batch has no part in it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import compress

import numpy as np
import torch
from torch import Tensor

from compiler.spec.decoding import Sampling
from runtime.data.symbols import BEGIN, END, PADDING
from runtime.data.uniform import uniform
from runtime.errors import UserError
from runtime.inference.beam_search import Hypothesis
from runtime.inference.ends import END_ALONE, Ends
from runtime.inference.network import DecodingState, IncrementalModel, NotFinite
from runtime.inference.repetition import Repetition, keep_an_end
from runtime.inference.stepper import (
    LEAST_SHARE_TO_LEAVE,
    Stepper,
    is_asynchronous,
    is_time_to_look,
)

COLDEST = 1e-30
"""A temperature below which the likeliest token is drawn all the same; float32 has no smaller."""


@dataclass(slots=True, kw_only=True)
class Live:
    """The texts of a batch that are still drawn, in the order of the batch."""

    row: Tensor
    """[live]: the row of each in the batch"""
    is_done: Tensor
    """[live]: whether it has ended since the host asked"""
    is_bad: Tensor
    """[live]: whether no token could be drawn for want of finite numbers"""
    text: Tensor
    """[live, length]: all that it has read"""

    def leave(self, steps: Stepper) -> bool:
        """Ask which texts have ended and drop their rows -> whether all have.

        This is the only question to the device in a step. Raises NotFinite.
        """
        row, is_done, is_bad = torch.stack((self.row, self.is_done, self.is_bad)).tolist()
        if any(is_bad):
            raise NotFinite(next(compress(row, is_bad)))
        over = sum(is_done)
        least = LEAST_SHARE_TO_LEAVE * len(row) if is_asynchronous(self.row.device) else 1
        if least <= over < len(row):
            rows = self.is_done.argsort(stable=True)[: len(row) - over]
            steps.keep(rows)
            for each in fields(self):
                setattr(self, each.name, getattr(self, each.name)[rows])
        return over == len(row)


class Sampler:
    """The method `sample`."""

    hypotheses = 1

    def __init__(self, decoding: Sampling) -> None:
        self.decoding = decoding

    def refuse(self, n_best: int) -> None:
        """Refuse to draw more than one text."""
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
        window: int | None = None,
        ends: Ends = END_ALONE,
    ) -> list[list[Hypothesis]]:
        """Draws a text for each row, its score 0; see `runtime.inference.methods`.

        Where `window` tokens have been read, the newest half of them is read anew, from the first
        position on, so that a text may be longer than a table of learned positions.
        """
        self.refuse(n_best)
        steps = Stepper(model, state, text.size(1) - 1)
        texts = self._texts(steps, text, limits, lines, window, ends)
        drawn = ([token for token in each if token != END] for each in texts.tolist())
        return [[Hypothesis(tokens=tuple(each), score=0.0)] for each in drawn]

    def _texts(
        self,
        steps: Stepper,
        text: Tensor,
        limits: Sequence[int],
        lines: Sequence[int],
        window: int | None,
        ends: Ends,
    ) -> Tensor:
        """[lines, longest]: the tokens of each text, then END."""
        repetition = Repetition.of(self.decoding)
        texts = text.new_full((len(lines), max(limits)), END)
        draws = uniform_draws(lines, max(limits), self.decoding.seed).to(text.device)
        limit = torch.tensor(limits, device=text.device)
        live = Live(
            row=torch.arange(len(lines), device=text.device),
            is_done=limit <= 0,
            is_bad=torch.zeros_like(limit, dtype=torch.bool),
            text=text,
        )
        for length in range(max(limits)):
            if steps.used == window:
                steps.restart(live.text[:, -max(window // 2, 1) :])
            logits = steps(live.text[:, -1:], torch.zeros_like(live.text[:, -1:])).squeeze(1)
            logits = self._bounded(logits, length, repetition, live.text[:, 1:], ends)
            live.is_bad |= ~logits.amax(-1).isfinite()
            token = draw(logits, draws[:, length][live.row], self.decoding)
            live.is_done |= ends.are(token) | (limit[live.row] <= length)
            texts[live.row, length] = token.masked_fill(live.is_done, END)
            live.text = torch.cat((live.text, token.unsqueeze(1)), dim=1)
            if is_time_to_look(text.device, length + 1) and live.leave(steps):
                break
        return texts

    def _bounded(
        self, logits: Tensor, length: int, repetition: Repetition | None, read: Tensor, ends: Ends
    ) -> Tensor:
        """Forbids symbols, ends below the least length, and what `read` must not repeat."""
        end = logits[:, END].clone()
        for never in (PADDING, BEGIN):
            logits[:, never].fill_(-torch.inf)
        if length < self.decoding.min_length:
            ends.forbid(logits)
        if repetition:
            logits = repetition.penalize(logits, read)
            repetition.forbid(logits, read)
            keep_an_end(logits, end)
        return logits


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
    may_not[:, 0].fill_(False)
    if sampling.top_k is not None:
        may_not[:, sampling.top_k :].fill_(True)
    ends = share.masked_fill(may_not, 0.0).cumsum(dim=-1)
    goal = (uniform.to(ends.dtype) * ends[:, -1]).unsqueeze(1)
    place = (ends <= goal).sum(dim=-1, keepdim=True)
    last = (share.masked_fill(may_not, 0.0) > 0).sum(dim=-1, keepdim=True) - 1
    last = last.clamp(min=0)  # of logits that are no numbers, which the caller refuses
    return order.gather(1, torch.minimum(place, last)).squeeze(1)


def uniform_draws(lines: Sequence[int], length: int, seed: int) -> Tensor:
    """[lines, length]: numbers from 0 to below 1, a stream of its own for each line."""
    rows = [
        np.random.Philox(key=[seed, 0], counter=[0, 0, 0, line]).random_raw(length)
        for line in lines
    ]
    raw = np.array(rows, dtype=np.uint64).reshape(len(lines), length)
    return torch.from_numpy(uniform(raw))
