"""The whole update of a small shape as one CUDA graph, which a GPU replays without its host.

A kernel takes microseconds, and Python needs ten to launch it: small models wait for Python. The
update is therefore written as a function of tensors that stay where they are. It knows of no length
that depends on the text, and reads no number back: labels are filled up to a constant number, the
learning rate and the weight of the loss are tensors. The first updates of a session run as they are
written, on a stream of their own; then the GPU records one, and replays it from then on.
"""

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim import SGD, Adam, AdamW, Optimizer
from torch.utils._pytree import tree_leaves, tree_map_only

from runtime.training.objective import DeviceBatch, Objective
from runtime.training.output_layer import NO_LABEL

WARM_UP = 3
"""The updates before the recording, in which libraries and optimizer make their state."""
SPARE = 1.25
"""Room for labels, in those of a first batch; one with more of them runs as it is written."""
CAPTURABLE = (Adam, AdamW, SGD)
"""The optimizers whose fused kernels take the learning rate as a tensor and never wait."""

Step = Callable[[Sequence[DeviceBatch], Tensor, Tensor], Tensor]
"""Makes an update of batches, the weight of the loss and the learning rate -> its figures [3]."""


def is_worth_capturing(objective: Objective, batching: str, optimizer: Optimizer) -> bool:
    """Tell whether the updates of a process that trains alone are recorded.

    They are where a GPU computes batches of one shape. A network with experts adds a loss that
    counts once for each label, and how many labels are not fillers only the GPU would know. Among
    pairs that are told apart from each other there can be no fillers.
    """
    is_possible = objective.adds_up and objective.balance_loss is None and is_capturable(optimizer)
    has_one_shape = batching == "packed" and objective.packed is not None
    return is_possible and has_one_shape and objective.device.type == "cuda"


def is_capturable(optimizer: Optimizer) -> bool:
    """Tell whether the steps of an optimizer can be recorded."""
    groups = optimizer.param_groups
    return type(optimizer) in CAPTURABLE and all(group.get("fused") for group in groups)


def filled(batch: DeviceBatch, labels: int) -> DeviceBatch:
    """Return a batch with so many labels, of which the last are fillers, at place 0."""
    missing = labels - len(batch.labels)
    return replace(
        batch,
        places=F.pad(batch.places, (0, missing)),
        labels=F.pad(batch.labels, (0, missing), value=NO_LABEL),
        has_fillers=True,
    )


class CapturedUpdate:
    """An update of static tensors; a GPU records and replays it, a CPU computes it."""

    def __init__(self, step: Step, optimizer: Optimizer, device: torch.device) -> None:
        self._step, self._optimizer, self._device = step, optimizer, device
        self._weight, self._rate = (torch.zeros((), device=device) for _ in range(2))
        self._static: list[DeviceBatch] = []
        self._graph: torch.cuda.CUDAGraph | None = None
        self._figures: Tensor | None = None
        self._updates = 0
        self._has_failed = False

    @cached_property
    def _side(self) -> torch.cuda.Stream:
        """The stream of the first updates, whose memory is kept for it alone."""
        return torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]

    def takes(self, batches: Sequence[DeviceBatch]) -> bool:
        """Tell whether an update of these batches has the constant shape.

        Until an update is recorded the newest batches decide what it is, since the first ones may
        be what an epoch has left over.
        """
        if self._has_failed:
            return False
        if self._fits(batches):
            return True
        if self._graph is None:
            most = max(map(_room, batches))
            self._static = [_copied(filled(batch, most)) for batch in batches]
            self._updates = 0
            return True
        return False

    def _fits(self, batches: Sequence[DeviceBatch]) -> bool:
        """Tell whether these batches have the shape of the static tensors, and no more labels."""
        if not self._static:
            return False
        most = len(self._static[0].labels)
        has_room = all(len(batch.labels) <= most for batch in batches)
        return has_room and _shapes(batches) == _shapes(self._static)

    def __call__(
        self, batches: Sequence[DeviceBatch], weight: float, learning_rate: float
    ) -> Tensor:
        """Make an update of batches that it takes -> its figures [3]."""
        for static, batch in zip(self._static, batches, strict=True):
            _copy(static, filled(batch, len(static.labels)))
        self._weight.fill_(weight)
        self._rate.fill_(learning_rate)
        self._updates += 1
        if self._device.type != "cuda" or self._has_failed:
            return self._compute()
        if self._updates <= WARM_UP:
            return self._warm_up()
        if self._graph is None and not self._capture():
            return self._compute()
        assert self._graph is not None
        assert self._figures is not None
        self._graph.replay()
        return self._figures.clone()

    def _compute(self) -> Tensor:
        return self._step(self._static, self._weight, self._rate)

    def _warm_up(self) -> Tensor:
        """Make an update on a stream beside the usual one, as recording will."""
        current = torch.cuda.current_stream(self._device)
        self._side.wait_stream(current)
        with torch.cuda.stream(self._side):
            figures = self._compute()
        current.wait_stream(self._side)
        return figures

    def _capture(self) -> bool:
        """Record the update, which does not make it; tell whether that has worked."""
        graph = torch.cuda.CUDAGraph()
        try:
            with _capturable(self._optimizer), torch.cuda.graph(graph):
                self._figures = self._compute()
        except torch.OutOfMemoryError:
            raise
        except Exception as error:
            self._has_failed = True
            first, *_ = str(error).strip().splitlines() or [""]
            self._optimizer.zero_grad()
            warnings.warn(
                "updates are launched kernel by kernel, since they could not be recorded as a "
                f"CUDA graph: {type(error).__name__}: {first}",
                stacklevel=2,
            )
            return False
        self._graph = graph
        return True


@contextmanager
def _capturable(optimizer: Optimizer) -> Iterator[None]:
    """Let an optimizer allow that its step is recorded; it would warn of all other steps."""
    groups = [group for group in optimizer.param_groups if "capturable" in group]
    for group in groups:
        group["capturable"] = True
    try:
        yield
    finally:
        for group in groups:
            group["capturable"] = False


def _room(batch: DeviceBatch) -> int:
    """Return the number of labels that batches like this one have room for.

    No batch has more of them than places in the last of its inputs.
    """
    places = tree_leaves(batch.inputs)[_last_tokens(batch)].numel()
    return min(math.ceil(len(batch.labels) * SPARE), places)


def _last_tokens(batch: DeviceBatch) -> int:
    """Return where, among the tensors of all inputs, the tokens of the last one are."""
    return len(tree_leaves(list(batch.inputs[:-1])))


def _shapes(batches: Sequence[DeviceBatch]) -> list[object]:
    """Return the shapes of the inputs, and what among them is no tensor, as a bound on lengths."""
    leaves = [leaf for batch in batches for leaf in tree_leaves(batch.inputs)]
    return [tuple(leaf.shape) if isinstance(leaf, Tensor) else leaf for leaf in leaves]


def _tensors(batch: DeviceBatch) -> list[Tensor]:
    leaves = tree_leaves((batch.inputs, batch.places, batch.labels))
    return [leaf for leaf in leaves if isinstance(leaf, Tensor)]


def _copied(batch: DeviceBatch) -> DeviceBatch:
    inputs, places, labels = tree_map_only(
        Tensor, Tensor.clone, (batch.inputs, batch.places, batch.labels)
    )
    return replace(batch, inputs=inputs, places=places, labels=labels)


def _copy(static: DeviceBatch, batch: DeviceBatch) -> None:
    torch._foreach_copy_(_tensors(static), _tensors(batch))
