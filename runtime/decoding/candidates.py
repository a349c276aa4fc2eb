"""The best continuations of a beam, out of beam times vocabulary."""

from typing import NamedTuple

import torch
from torch import Tensor

BLOCK = 64


class Candidates(NamedTuple):
    """Continuations of each sentence's hypotheses, the best first."""

    score: Tensor
    """[batch, count]: the sum of log-probabilities with the new token"""
    parent: Tensor
    """[batch, count]: the hypothesis that is continued"""
    token: Tensor
    """[batch, count]: by which token"""


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
