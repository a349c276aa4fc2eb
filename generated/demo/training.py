"""demo: the loss, the learning rate and the optimizer. Written by specformer."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .model import PADDING

LABEL_SMOOTHING = 0.1
WARMUP_STEPS = 200
PEAK = 0.003
BETAS = (0.9, 0.98)
EPS = 1e-09


def learning_rate(step: int) -> float:
    """The rate of update `step`, from 1 on: linear to PEAK, then by step^-0.5 (section 5.3)."""
    if step < WARMUP_STEPS:
        return PEAK * step / WARMUP_STEPS
    return PEAK * (WARMUP_STEPS / step) ** 0.5


def optimizer(model: nn.Module) -> torch.optim.Adam:
    """Adam over all parameters; whoever trains sets the rate of each update (section 5.3)."""
    return torch.optim.Adam(model.parameters(), lr=PEAK, betas=BETAS, eps=EPS, fused=True)


def loss(
    features: Tensor, target: Tensor, project: Callable[[Tensor], Tensor]
) -> tuple[Tensor, Tensor]:
    """features [batch, target, D_MODEL], tokens to predict [batch, target] -> the loss, plain loss

    Cross-entropy in nats, summed over the tokens that are not padding: whoever trains divides by
    their number. The first is label-smoothed: LABEL_SMOOTHING is spread evenly over the whole
    vocabulary (section 5.4).
    """
    real = target != PADDING
    logits, labels = project(features[real]).float(), target[real]
    smoothed = F.cross_entropy(logits, labels, label_smoothing=LABEL_SMOOTHING, reduction="sum")
    with torch.no_grad():
        plain = F.cross_entropy(logits, labels, reduction="sum")
    return smoothed, plain
