"""Gradients are added up over processes while the backward pass still computes others.

Parameters are divided into buckets, in about the order in which their gradients become known. In
the last micro-batch of an update, a bucket whose gradients are complete is copied into one flat
tensor and reduced in the background. All processes reduce the same buckets in the same order, those
without a row included. Behind the gradients of the last bucket travel the losses and the wish of a
process to stop, so that neither costs a collective of its own.
"""

from collections import deque
from collections.abc import Iterable, Sequence

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.utils import get_total_norm

from runtime.training.workers import Workers

BUCKET_BYTES = 25 * 2**20
"""A bucket is closed as soon as it is as large: with more, less overlaps; with fewer, each
collective waits longer than it sends."""
FIRST_BUCKET_BYTES = 2**20
"""The first bucket is small, so that the network is busy from the beginning."""
FIGURES = 3
"""The numbers behind the gradients: both losses, and how many processes wish to stop."""


class GradientSharing:
    """Keeps the gradients of a process that trains alone; a subclass shares them."""

    is_in_step = False
    """Return whether all processes must make the same passes, in the same order."""

    def __init__(self) -> None:
        self._wishes_to_stop = False

    def backward(
        self, tensors: Tensor | Sequence[Tensor], gradients: object, *, is_last: bool = True
    ) -> None:
        """Make a backward pass through the network, as `torch.autograd.backward` does.

        `is_last` says that no other follows in this update, on this process.
        """
        del is_last
        torch.autograd.backward(tensors, gradients)  # type: ignore[arg-type]

    def finish(self, sums: Tensor) -> Tensor:
        """Wait until gradients are those of all processes; return the sums [2] of all."""
        return sums

    def norm(self, gradients: Sequence[Tensor]) -> Tensor:
        """Return the norm [] of all gradients together."""
        return get_total_norm(gradients)

    def request_stop(self) -> None:
        """Ask that all processes stop together."""
        self._wishes_to_stop = True

    def is_stop_agreed(self) -> bool:
        """Tell whether a process asked for a stop; all of them get the same answer."""
        return self._wishes_to_stop


class Bucket:
    """Parameters whose gradients are reduced together, in one flat tensor."""

    def __init__(self, parameters: Sequence[nn.Parameter], *, figures: int, expected: int) -> None:
        """Make room for the gradients and for `figures` numbers behind them.

        `expected` is how many of the gradients the backward pass through the network completes.
        """
        self.parameters, self.expected = parameters, expected
        self.waits_for = expected
        sizes = [parameter.numel() for parameter in parameters]
        device = parameters[0].device if parameters else None
        self.flat = torch.zeros(sum(sizes) + figures, device=device)
        parts = torch.split(self.flat, [*sizes, figures])
        self._views = [p.view_as(q) for p, q in zip(parts, parameters, strict=False)]
        self.figures = parts[-1]
        self._work: dist.Work | None = None

    def reduce(self, workers: Workers) -> None:
        """Begin to add up the gradients over all processes; a missing one counts as zero."""
        pairs = list(zip(self._views, self.parameters, strict=True))
        known = [(view, p.grad) for view, p in pairs if p.grad is not None]
        missing = [view for view, p in pairs if p.grad is None]
        if known:
            views, gradients = zip(*known, strict=True)
            torch._foreach_copy_(views, gradients)
        if missing:
            torch._foreach_zero_(missing)
        for view, parameter in pairs:
            parameter.grad = view
        self._work = workers.begin_to_add_up(self.flat)

    def wait(self) -> None:
        """Wait for the sums: on a GPU its queue of work does, not this process."""
        if self._work is not None:
            self._work.wait()
        self._work, self.waits_for = None, self.expected


class Flag:
    """A number of an update, which a GPU brings without letting anybody wait."""

    def __init__(self, number: Tensor) -> None:
        self.is_late = number.is_cuda
        self._number = number.to("cpu", non_blocking=True, copy=True)
        if self.is_late:
            self._copied = torch.Event(number.device)
            self._copied.record()

    def is_up(self) -> bool:
        """Tell whether the number is not zero."""
        if self.is_late:
            self._copied.synchronize()
        return self._number.item() != 0


class AgreedStop(GradientSharing):
    """Lets all processes stop together; a subclass adds up their wishes and notes the sum."""

    def __init__(self) -> None:
        super().__init__()
        self._flags: deque[Flag] = deque(maxlen=2)

    @property
    def wishes_to_stop(self) -> bool:
        """Tell whether this process asked for a stop."""
        return self._wishes_to_stop

    def note(self, wishes: Tensor) -> None:
        """Note how many processes wished to stop in the update that ends."""
        self._flags.append(Flag(wishes))

    def is_stop_agreed(self) -> bool:
        """Tell whether a process asked for a stop before the last update.

        On a GPU, before the one before the last: the flag of the last is not there until that
        update is done, and nobody waits for it.
        """
        known = [each for each in self._flags if not each.is_late or each is not self._flags[-1]]
        return bool(known) and known[-1].is_up()


class BucketedSharing(AgreedStop):
    """Adds up gradients over several processes, bucket by bucket.

    The first update of a session reduces all buckets at its end, when it is known which gradients
    the output layer alone has completed: those come first from then on.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], workers: Workers) -> None:
        super().__init__()
        self._workers = workers
        self._parameters = [each for each in parameters if each.requires_grad]
        if other := {each.dtype for each in self._parameters} - {torch.float32}:
            raise ValueError(f"expected weights in float32, got {other}")
        self._buckets: list[Bucket] = []
        self._bucket_of: dict[nn.Parameter, Bucket] = {}
        self._reduced = 0
        self._reached: set[nn.Parameter] = set()
        self._is_within_network = self._is_last = False
        for parameter in self._parameters:
            parameter.register_post_accumulate_grad_hook(self._note)  # type: ignore[no-untyped-call]

    def backward(
        self, tensors: Tensor | Sequence[Tensor], gradients: object, *, is_last: bool = True
    ) -> None:
        """Make a backward pass; in the last one, reduce the buckets that it completes."""
        self._is_within_network, self._is_last = True, is_last
        if is_last:
            self._reduce_complete()
        super().backward(tensors, gradients)
        self._is_within_network = False

    def finish(self, sums: Tensor) -> Tensor:
        """Reduce the buckets that are left and wait for all; return the sums [2] of all."""
        if not self._buckets:
            self._make_buckets()
        figures = self._buckets[-1].figures
        figures[:2].copy_(sums)
        figures[2].fill_(self.wishes_to_stop)
        self._reduce_until(len(self._buckets))
        for bucket in self._buckets:
            bucket.wait()
        self._reduced = 0
        self.note(figures[2])
        return figures[:2].clone()

    def _make_buckets(self) -> None:
        """Divide the parameters, once one backward pass of every process is known."""
        early = self._known_before_the_network()
        others = [each for each in reversed(self._parameters) if each not in set(early)]
        groups = [*divided(early, FIRST_BUCKET_BYTES), *divided(others, FIRST_BUCKET_BYTES)]
        for number, group in enumerate(groups or [[]], start=1):
            expected = 0 if group and group[0] in set(early) else len(group)
            figures = FIGURES if number == max(len(groups), 1) else 0
            self._buckets.append(Bucket(group, figures=figures, expected=expected))
        self._bucket_of = {each: bucket for bucket in self._buckets for each in bucket.parameters}

    def _known_before_the_network(self) -> list[nn.Parameter]:
        """Return the parameters whose gradients come from the output layer alone."""
        known = [[each.grad is not None, each in self._reached] for each in self._parameters]
        totals = torch.tensor(known, dtype=torch.int32)
        self._workers.add_up(totals)
        pairs = zip(self._parameters, totals.tolist(), strict=True)
        return [each for each, (known, reached) in pairs if known and not reached]

    def _note(self, parameter: nn.Parameter) -> None:
        """Note that a backward pass has completed the gradient of a parameter."""
        if not self._is_within_network:
            return
        if not self._buckets:
            self._reached.add(parameter)
        elif self._is_last:
            bucket = self._bucket_of[parameter]
            if bucket.waits_for == 0:
                raise RuntimeError("a gradient changed after it was shared with other processes")
            bucket.waits_for -= 1
            self._reduce_complete()

    def _reduce_complete(self) -> None:
        """Reduce the next buckets that are complete, but the last, whose figures are unknown."""
        stop = self._reduced
        while stop < len(self._buckets) - 1 and self._buckets[stop].waits_for == 0:
            stop += 1
        self._reduce_until(stop)

    def _reduce_until(self, stop: int) -> None:
        for bucket in self._buckets[self._reduced : stop]:
            bucket.reduce(self._workers)
        self._reduced = stop


def divided(parameters: Iterable[nn.Parameter], first_bytes: int) -> list[list[nn.Parameter]]:
    """Divide parameters into groups that are closed at `first_bytes`, then at BUCKET_BYTES."""
    groups: list[list[nn.Parameter]] = []
    most, size = first_bytes, first_bytes
    for parameter in parameters:
        if size >= most:
            most = BUCKET_BYTES if groups else first_bytes
            groups.append([])
            size = 0
        groups[-1].append(parameter)
        size += parameter.nbytes
    return groups


def gradient_sharing(parameters: Iterable[nn.Parameter], workers: Workers) -> GradientSharing:
    """Return how the processes of a training share their gradients."""
    if workers.size == 1:
        return GradientSharing()
    return BucketedSharing(parameters, workers)
