"""Text that is drawn, token by token, by the probabilities that the network gives.

A draw is a function of the seed, the line of the prompt and the number of the token, so that what
stands beside a text in a batch has no part in it.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from compiler.spec.training import Decoding, Sampling
from runtime.data.symbols import BEGIN, END, PADDING
from runtime.inference.network import DecodingState, IncrementalModel, NotFinite, check_logits
from runtime.inference.repetition import Repetition, keep_an_end

COLDEST = 1e-30
"""A temperature below which the likeliest token is drawn all the same; float32 has no smaller."""


@torch.inference_mode()
def sample_from(
    model: IncrementalModel,
    state: DecodingState,
    text: Tensor,
    limit: int,
    lines: Sequence[int],
    decoding: Decoding,
    sampling: Sampling,
) -> list[list[int]]:
    """Draws texts, from a state that has read all but the last token of each prompt.

    text [batch, length] is the prompts, `lines` their lines, which seed the draws -> for each
    prompt at most `limit` tokens, without END. Raises NotFinite
    for the first row whose logits are not finite.
    """
    texts: list[list[int]] = [[] for _ in lines]
    repetition = Repetition.of(decoding)
    draws = uniform_draws(lines, limit, sampling.seed).to(text.device)
    live = list(range(len(lines)))
    token, read = text[:, -1:], text[:, 1:]
    parent = torch.zeros_like(token)
    for length in range(limit):
        logits = model.project(model.step(token, parent, state)).float().squeeze(1)
        end = logits[:, END].clone()
        logits[:, [PADDING, BEGIN]] = -torch.inf
        if length < decoding.min_length:
            logits[:, END] = -torch.inf
        if repetition:
            logits = repetition.penalize(logits, read)
            repetition.forbid(logits, read)
            keep_an_end(logits, end)
        _check(logits, live)
        token = draw(logits, draws[live, length], sampling).unsqueeze(1)
        read = torch.cat((read, token), dim=1) if repetition else read
        staying = _going_on(texts, live, token)
        if not staying:
            break
        if len(staying) < len(live):
            index = torch.tensor(staying, device=token.device)
            state.keep(index)
            token, parent, read = token[index], parent[index], read[index]
            live = [live[place] for place in staying]
    return texts


def _check(logits: Tensor, live: list[int]) -> None:
    """Raises NotFinite where logits [batch, vocabulary] have a NaN or are all -inf."""
    try:
        check_logits(logits)
    except NotFinite as error:
        raise NotFinite(live[error.row]) from None


def _going_on(texts: list[list[int]], live: list[int], token: Tensor) -> list[int]:
    """Adds each token but END to its text -> the rows of those that go on."""
    staying = []
    for row, (text, drawn) in enumerate(zip(live, token.flatten().tolist(), strict=True)):
        if drawn != END:
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
