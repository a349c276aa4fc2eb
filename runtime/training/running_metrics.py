"""The figures of the updates since the last line of metrics.

They stay on the device: to read a figure is to wait for all the work that leads to it."""

from dataclasses import dataclass

import torch
from torch import Tensor

from runtime.errors import DivergenceError


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """Losses in nats a label, over some updates; the norm is that of the last gradient."""

    loss: float
    nll: float
    gradient_norm: float
    tokens_per_second: float


class RunningMetrics:
    """The figures of some updates in a row."""

    def __init__(self) -> None:
        self._figures: list[Tensor] = []
        self._labels: list[int] = []
        self._timed_tokens = 0
        self._seconds = 0.0

    def add(self, figures: Tensor, *, labels: int, tokens: int) -> None:
        """Adds the figures [3] of an update with so many labels and tokens.

        They are the smoothed and the plain loss, summed over the labels, and the gradient's norm.
        """
        self._figures.append(figures)
        self._labels.append(labels)
        self._timed_tokens += tokens

    def spend(self, seconds: float) -> None:
        """Adds to the time that these updates took."""
        self._seconds += seconds

    def check(self, last: int) -> None:
        """Raise DivergenceError if a figure is not finite; `last` is the newest update."""
        if not self._figures:
            return
        bad = torch.stack(self._figures).isfinite().all(dim=1).logical_not().nonzero()
        if len(bad):
            step = last - len(self._figures) + 1 + int(bad[0])
            raise DivergenceError(
                f"the loss or its gradient is not finite in update {step}",
                help="lower training.schedule.peak, raise training.schedule.warmup_steps, or set "
                "training.clip_norm; the last checkpoint is good, --resume continues from it",
            )

    def means(self) -> Means:
        figures = torch.stack(self._figures).double().cpu()
        loss, nll = (figures[:, :2].sum(dim=0) / sum(self._labels)).tolist()
        return Means(
            loss=loss,
            nll=nll,
            gradient_norm=figures[-1, 2].item(),
            tokens_per_second=self._timed_tokens / self._seconds,
        )

    def tensors(self) -> dict[str, Tensor]:
        """Returns the tensors of a checkpoint; times are left out: the next session has its own."""
        if not self._figures:
            return {}
        return {"figures": torch.stack(self._figures), "labels": torch.tensor(self._labels)}

    def load(self, tensors: dict[str, Tensor], device: torch.device) -> None:
        """Continues from `tensors`."""
        if tensors:
            self._figures = list(tensors["figures"].to(device))
            self._labels = tensors["labels"].tolist()
