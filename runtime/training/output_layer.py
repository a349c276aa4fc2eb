"""The output layer and its loss: in chunks of labels, and on a GPU as one compiled program.

The logits of a chunk are the largest tensors of an update. As separate kernels, the loss goes many
times over them; a program goes once for the loss and once for the gradient.
"""

import warnings
from collections.abc import Callable, Iterator
from typing import TypeVar

import torch
from torch import Tensor

Project = Callable[[Tensor], Tensor]
Loss = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
Result = TypeVar("Result")

CPU_LABELS = 256
"""Labels whose float32 logits exist at once on a CPU: few enough for its caches.

Of bfloat16 logits there may be twice as many.
"""
LOGITS_BYTES = 2**31
"""The logits that may exist at once elsewhere: a program keeps them in bfloat16, where they are."""
FLOAT32_BYTES, BFLOAT16_BYTES = 4, 2
NO_LABEL = -1
"""The label of a row that fills a tensor of constant size and has no part in the loss."""


def without_fillers(project: Project, loss: Loss) -> Loss:
    """Return the losses [2] of rows [rows, width] and labels [rows], of which some are `NO_LABEL`.

    A filler's logits are replaced by zeros, so that no gradient comes of it; the loss of such
    logits is known, and is taken away.
    """

    def losses(rows: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        is_filler = labels == NO_LABEL
        logits = project(rows).masked_fill(is_filler.unsqueeze(1), 0)
        smoothed, plain = loss(logits, labels.clamp(min=0))
        known = loss(torch.zeros_like(logits[:1]), torch.zeros_like(labels[:1]))
        fillers = is_filler.sum()
        return smoothed - fillers * known[0], plain - fillers * known[1]

    return losses


class Program:
    """A function that may be compiled at its first call, and stays as written if that fails."""

    def __init__(self, function: Loss, *, is_compiled: bool) -> None:
        self._written = function
        # Chunks have many sizes: one program for all of them.
        compiled = torch.compile(function, dynamic=True, fullgraph=True) if is_compiled else None
        self._compiled: Loss | None = compiled

    @property
    def is_compiled(self) -> bool:
        """Tell whether the function is compiled, and has not failed to be."""
        return self._compiled is not None

    def use(self, compute: Callable[[Loss], Result]) -> Result:
        """Return what `compute` makes with the program, backward pass included."""
        if self._compiled is None:
            return compute(self._written)
        try:
            return compute(self._compiled)
        except torch.OutOfMemoryError:
            raise
        except Exception as error:
            self._compiled = None
            first, *_ = str(error).strip().splitlines() or [""]
            reason = f"{type(error).__name__}: {first}"
        result = compute(self._written)  # raises what is not the compiler's fault
        warnings.warn(
            f"the output layer and the loss run as they are written, not compiled: {reason}",
            stacklevel=2,
        )
        return result


class OutputLayer:
    """The projection of features and the loss of their logits."""

    def __init__(self, project: Project, loss: Loss, *, is_compiled: bool) -> None:
        self._project = project

        def losses(rows: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
            return loss(project(rows), labels)

        self._whole = Program(losses, is_compiled=is_compiled)
        self._filled = Program(without_fillers(project, loss), is_compiled=is_compiled)
        self._outputs: int | None = None

    def gradient(
        self,
        rows: Tensor,
        labels: Tensor,
        weight: float | Tensor,
        *,
        has_fillers: bool,
    ) -> tuple[Tensor, Tensor]:
        """Return both losses [2] of a chunk and the gradient of its rows [rows, width].

        The gradient is that of `weight` times the first loss; it is added to the parameters, too.
        `has_fillers` says that some labels are `NO_LABEL`. The caller sets autocast.
        """
        program = self._filled if has_fillers else self._whole

        def compute(losses: Loss) -> tuple[Tensor, Tensor]:
            own = rows.detach().requires_grad_()
            smoothed, plain = losses(own, labels)
            with torch.autocast(rows.device.type, enabled=False):
                torch.autograd.backward(smoothed * weight)
            assert own.grad is not None
            return torch.stack((smoothed.detach(), plain.detach())), own.grad

        return program.use(compute)

    def gradient_chunks(
        self, rows: Tensor, labels: Tensor, *, is_bfloat16: bool, has_fillers: bool
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Divide rows and labels into chunks for `gradient`.

        A program keeps the logits of `is_bfloat16` as they are. As written, the loss converts them
        to float32.
        """
        program = self._filled if has_fillers else self._whole
        is_narrow = is_bfloat16 and program.is_compiled
        bytes_of_logit = BFLOAT16_BYTES if is_narrow else FLOAT32_BYTES
        return self.chunks(rows, labels, is_bfloat16=is_bfloat16, bytes_of_logit=bytes_of_logit)

    def chunks(
        self,
        rows: Tensor,
        labels: Tensor,
        *,
        is_bfloat16: bool,
        bytes_of_logit: int = FLOAT32_BYTES,
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Divide rows and labels into chunks whose logits may exist at once, of about one size."""
        most = CPU_LABELS * (2 if is_bfloat16 else 1)
        if rows.device.type != "cpu":
            bytes_of_row = bytes_of_logit * self._count_outputs(rows)
            parts = -(-len(rows) // max(LOGITS_BYTES // bytes_of_row, 1))
            most = -(-len(rows) // max(parts, 1))
        return zip(torch.split(rows, most), torch.split(labels, most), strict=True)

    @torch.no_grad()
    def _count_outputs(self, rows: Tensor) -> int:
        """Return the number of logits of a row."""
        if self._outputs is None:
            # outside of autocast, in the dtype of the weights
            self._outputs = self._project(rows[:1].float()).size(-1)
        return self._outputs
