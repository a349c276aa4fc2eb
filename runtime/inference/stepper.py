"""The steps of a search: as they come, or with fixed shapes and addresses, as a CUDA graph needs.

A step launches some two hundred small kernels. On a GPU the host needs longer to launch them than
the GPU to run them; a CUDA graph launches them all at once, if nothing about a step changes but
numbers: all tensors stay at their places, and no shape depends on the position. So the buffers of
the state get room for many steps ahead, and masks hide what is not filled yet.
"""

import sys
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from runtime.inference.network import DecodingState, IncrementalModel, read_all_but_last

STEPS_AHEAD = 64
"""Steps for which fixed buffers have room; for longer texts there are larger ones later."""

STEPS_BETWEEN_LOOKS = 4
"""Steps on a GPU after which the host asks which texts have ended, and so waits for it."""
LEAST_SHARE_TO_LEAVE = 0.5
"""The share of a batch that must have ended before a GPU, with a new graph, goes on without it."""


def is_asynchronous(device: torch.device) -> bool:
    """Return whether the host waits where it asks a device for a number."""
    return device.type != "cpu"


def is_time_to_look(device: torch.device, steps: int) -> bool:
    """Return whether to ask, after so many steps, which texts have ended."""
    return not is_asynchronous(device) or steps % STEPS_BETWEEN_LOOKS == 0


class Stepper:
    """Computes the logits of the next tokens, step by step."""

    def __init__(self, model: IncrementalModel, state: DecodingState, given: int) -> None:
        """Go on from a state that has read `given` tokens of each text.

        Steps are fixed on a GPU, but not those of packages of older versions.
        """
        self.model = model
        self._begin(state, given)

    def _begin(self, state: DecodingState, given: int) -> None:
        self.state, self.used = state, given
        make_contiguous(state)
        self.fixed: FixedStep | None = None
        self.hypotheses = 0

    def restart(self, text: Tensor) -> None:
        """Forget what was read, and read all but the last token of text [batch, length]."""
        state = self.model.start(text)
        read_all_but_last(self.model, state, text)
        self._begin(state, text.size(1) - 1)

    def __call__(self, token: Tensor, parent: Tensor) -> Tensor:
        """token, parent [batch, beam] -> logits [batch, beam, vocabulary], float32"""
        beam = token.size(1)
        is_alike, self.hypotheses = beam == self.hypotheses, beam
        self.used += beam
        fixes = is_asynchronous(token.device) and hasattr(self.state, "fix")
        if not (is_alike and fixes):
            return _logits(self.model, token, parent, self.state)
        if self.fixed is None or self.fixed.steps == 0:
            first = self.used - 2 * beam
            newest = torch.arange(first, first + beam, device=token.device)
            getattr(self.state, "fix")(self.used + beam * STEPS_AHEAD, newest)  # noqa: B009
            self.fixed = FixedStep(self.model, self.state, token, parent, STEPS_AHEAD)
        return self.fixed(token, parent)

    def keep(self, rows: Tensor) -> None:
        """Drop all texts but those in these rows of the batch."""
        self.state.keep(rows)
        if self.fixed is not None:
            self.fixed = self.fixed.again(rows)


class FixedStep:
    """A step that reads and writes the same tensors each time; on a GPU, a CUDA graph."""

    is_refused = False
    """Whether a graph could not be captured; there is one message about it."""

    def __init__(
        self,
        model: IncrementalModel,
        state: Any,
        token: Tensor,
        parent: Tensor,
        steps: int,
    ) -> None:
        """Take a state whose buffers have room for so many more steps."""
        self.model, self.state, self.steps = model, state, steps
        self.token, self.parent = token.clone(), parent.clone()
        self.replay: Callable[[], object] = self.compute
        self.warm = 0

    def __call__(self, token: Tensor, parent: Tensor) -> Tensor:
        """token, parent [batch, beam] -> logits [batch, beam, vocabulary], float32"""
        self.token.copy_(token)
        self.parent.copy_(parent)
        if self.warm == 1 and token.is_cuda and not FixedStep.is_refused:
            self.replay = self.captured()
        self.replay()
        self.warm += 1
        self.steps -= 1
        return self.logits

    def again(self, rows: Tensor) -> "FixedStep":
        """Return the step of a state that has kept these rows alone."""
        token, parent = self.token[rows], self.parent[rows]
        return FixedStep(self.model, self.state, token, parent, self.steps)

    def compute(self) -> None:
        """Compute a step in place: what it has put elsewhere is copied back."""
        before = list(tensors_of(self.state))
        try:
            self.logits = _logits(self.model, self.token, self.parent, self.state)
            for (_, _, old), (_, _, new) in zip(before, tensors_of(self.state), strict=True):
                if new is not old:
                    old.copy_(new)
        finally:
            for holder, names, old in before:
                _put(holder, names, old)

    def captured(self) -> Callable[[], object]:
        """Return the replay of a CUDA graph of `compute`, or `compute` if there can be none."""
        try:
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                self.compute()
        except RuntimeError as error:
            FixedStep.is_refused = True
            reason = str(error).partition("\n")[0]
            print(f"warning: steps run without a CUDA graph: {reason}", file=sys.stderr)
            return self.compute
        return graph.replay


def _logits(model: IncrementalModel, token: Tensor, parent: Tensor, state: DecodingState) -> Tensor:
    return model.project(model.step(token, parent, state)).float()


def tensors_of(state: Any) -> Iterator[tuple[Any, tuple[Any, ...], Tensor]]:
    """Yield all tensors of a state, each with the object that holds it and its name there.

    Of a tensor in a tuple or a list there is also the index.
    """
    for name, value in vars(state).items():
        several = list(enumerate(value)) if isinstance(value, (list, tuple)) else [(None, value)]
        for index, each in several:
            if isinstance(each, Tensor):
                yield state, (name,) if index is None else (name, index), each
            elif hasattr(each, "keep"):
                yield from tensors_of(each)


def make_contiguous(state: DecodingState) -> None:
    """Let the numbers of each tensor on a CPU lie one after the other, for all steps to come.

    The keys and values of a source are views, head by head, of one product. Attention in each step
    would have to gather them, which takes up to a tenth of the time of greedy search.
    """
    for holder, names, tensor in list(tensors_of(state)):
        if not (is_asynchronous(tensor.device) or tensor.is_contiguous()):
            _put(holder, names, tensor.contiguous())


def _put(holder: Any, names: tuple[Any, ...], tensor: Tensor) -> None:
    name, *index = names
    if index:
        several = list(getattr(holder, name))
        several[index[0]] = tensor
        setattr(holder, name, tuple(several))
    else:
        setattr(holder, name, tensor)
