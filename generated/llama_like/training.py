"""llama-like: the loss, the learning rate and the optimizer. Written by specformer."""

# mypy: no-warn-return-any
# (to type checkers the call of a PyTorch module returns Any)

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WARMUP_STEPS = 200
PEAK = 0.003
BETAS = (0.9, 0.98)
EPS = 1e-09


def learning_rate(step: int) -> float:
    """The rate of update `step`, from 1 on: linear to PEAK, then by step^-0.5 (Vaswani et al.
    2017, section 5.3).
    """
    if step < WARMUP_STEPS:
        return PEAK * step / WARMUP_STEPS
    return PEAK * (WARMUP_STEPS / step) ** 0.5


def optimizer(model: nn.Module) -> torch.optim.Optimizer:
    """Adam (Kingma and Ba 2015); whoever trains sets the rate of each update."""
    return torch.optim.Adam(model.parameters(), lr=PEAK, betas=BETAS, eps=EPS, fused=True)


def loss(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """logits [tokens, VOCABULARY] of the tokens labels [tokens] -> the loss, plain loss

    Cross-entropy in nats, summed over tokens: whoever trains leaves padding out and divides by
    their number. Labels are not smoothed, so both are the same.
    """
    return cross_entropy(logits.float(), labels)


def cross_entropy(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """logits [tokens, vocabulary], labels [tokens] -> the sum over tokens, once with a gradient"""
    plain = F.cross_entropy(logits, labels, reduction="sum")
    return plain, plain.detach()
