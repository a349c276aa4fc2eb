"""transformer-base: the loss, the learning rate and the optimizer. Written by specformer."""

# mypy: no-warn-return-any
# (to type checkers the call of a PyTorch module returns Any)

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from .model import D_MODEL

LABEL_SMOOTHING = 0.1
WARMUP_STEPS = 4000
PEAK = D_MODEL**-0.5 * WARMUP_STEPS**-0.5
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
    their number. The first is label-smoothed: LABEL_SMOOTHING is spread evenly over the whole
    vocabulary (Szegedy et al. 2016).
    """
    return smoothed_cross_entropy(logits.float(), labels, LABEL_SMOOTHING)


def smoothed_cross_entropy(
    logits: Tensor, labels: Tensor, smoothing: float
) -> tuple[Tensor, Tensor]:
    """logits [tokens, vocabulary], labels [tokens] -> sums over tokens, label-smoothed and plain"""
    kind = SmoothedCrossEntropy if logits.is_cpu else FusedCrossEntropy
    apply: Callable[..., tuple[Tensor, Tensor]] = kind.apply
    return apply(logits, labels, smoothing)


class SmoothedCrossEntropy(torch.autograd.Function):
    """Label-smoothed cross-entropy that makes its gradient, in closed form, in the forward pass.

    `F.cross_entropy` gives the same numbers; it goes seven times over [tokens, vocabulary] and
    keeps a second copy, and that is a fifth of the time that a small model takes.
    """

    @staticmethod
    def forward(
        ctx: Any, logits: Tensor, labels: Tensor, smoothing: float
    ) -> tuple[Tensor, Tensor]:
        """logits [tokens, vocabulary], labels [tokens] -> smoothed, plain"""
        label = labels.unsqueeze(1)
        gradient = torch.softmax(logits, dim=-1)
        # The logarithm of the sum of exponentials, from the one probability that is never tiny.
        divisor = logits.amax(dim=1) - gradient.amax(dim=1).log()
        plain = (divisor - logits.gather(1, label).squeeze(1)).sum()
        uniform = (divisor - logits.mean(dim=1)).sum()
        gradient.sub_(smoothing / logits.size(1))
        gradient.scatter_add_(1, label, gradient.new_full(label.shape, smoothing - 1))
        ctx.save_for_backward(gradient)
        ctx.mark_non_differentiable(plain)
        return (1 - smoothing) * plain + smoothing * uniform, plain

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor, None, None]:
        """Return the gradient of the logits, made in place: this runs once."""
        (gradient,) = ctx.saved_tensors
        return gradient.mul_(outer[0]), None, None


class FusedCrossEntropy(torch.autograd.Function):
    """Label-smoothed cross-entropy for a GPU's compiler, which fuses each pass into few kernels.

    It keeps the logits, and makes the gradient of them, element by element, in the backward pass.
    """

    @staticmethod
    def forward(
        ctx: Any, logits: Tensor, labels: Tensor, smoothing: float
    ) -> tuple[Tensor, Tensor]:
        """logits [tokens, vocabulary], labels [tokens] -> smoothed, plain"""
        divisor = logits.logsumexp(dim=1)
        plain = (divisor - logits.gather(1, labels.unsqueeze(1)).squeeze(1)).sum()
        uniform = (divisor - logits.mean(dim=1)).sum()
        ctx.save_for_backward(logits, labels, divisor)
        ctx.smoothing = smoothing
        ctx.mark_non_differentiable(plain)
        return (1 - smoothing) * plain + smoothing * uniform, plain

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor, None, None]:
        """Return the gradient of the logits."""
        logits, labels, divisor = ctx.saved_tensors
        smoothing, tokens = ctx.smoothing, torch.arange(logits.size(1), device=logits.device)
        wanted = torch.where(tokens == labels.unsqueeze(1), 1 - smoothing, 0.0)
        gradient = (logits - divisor.unsqueeze(1)).exp() - smoothing / logits.size(1) - wanted
        return gradient * outer[0], None, None
