"""Text that is drawn, token by token, by the probabilities that the network gives.

A draw is a function of the seed, the line of the prompt and the number of the token, so that what
stands beside a text in a batch has no part in it.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from compiler.spec.training import Sampling
from runtime.data.symbols import BEGIN, END, PADDING
from runtime.decoding.model import DecodingState, IncrementalModel


@torch.inference_mode()
def sample_from(
    model: IncrementalModel,
    state: DecodingState,
    token: Tensor,
    limits: Sequence[int],
    lines: Sequence[int],
    sampling: Sampling,
    *,
    min_length: int = 0,
) -> list[list[int]]:
    """From a state of one hypothesis each, and the token [batch, 1] that it is given next

    -> for each text its tokens without END, at most as many as its limit.
    """
    texts: list[list[int]] = [[] for _ in limits]
    draws = uniform_draws(lines, max(limits, default=0), sampling.seed).to(token.device)
    parent = torch.zeros_like(token)
    live = [row for row, limit in enumerate(limits) if limit]
    if len(live) < len(limits):
        token, parent = _keep(live, state, token, parent)
    for length in range(max(limits, default=0)):
        logits = model.project(model.step(token, parent, state)).float().squeeze(1)
        logits[:, [PADDING, BEGIN] + [END] * (length < min_length)] = -torch.inf
        token = draw(logits, draws[live, length], sampling).unsqueeze(1)
        for row, drawn in zip(live, token.flatten().tolist(), strict=True):
            texts[row].append(drawn)
        staying = [
            place
            for place, row in enumerate(live)
            if texts[row][-1] != END and limits[row] > length + 1
        ]
        if not staying:
            break
        if len(staying) < len(live):
            token, parent = _keep(staying, state, token, parent)
            live = [live[place] for place in staying]
    return [text[:-1] if text[-1:] == [END] else text for text in texts]


def draw(logits: Tensor, uniform: Tensor, sampling: Sampling) -> Tensor:
    """logits [batch, vocabulary], numbers from 0 to 1 [batch] -> tokens [batch]

    The number says how far to go through the tokens that may be drawn, the likeliest first.
    """
    scores, order = (logits / sampling.temperature).sort(dim=-1, descending=True, stable=True)
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


def _keep(
    rows: list[int], state: DecodingState, token: Tensor, parent: Tensor
) -> tuple[Tensor, Tensor]:
    """Drops all texts but those in these rows of the batch."""
    index = torch.tensor(rows, device=token.device)
    state.keep(index)
    return token[index], parent[index]
