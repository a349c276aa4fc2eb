"""The operations of a network's forward pass, one after the other: what, where, and what came out.

Of each result only a sketch is kept, the sums of its numbers under some random signs: two results
that differ anywhere differ in their sketches. (Alon, Matias and Szegedy 1996)
"""

import linecache
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from types import FrameType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

SIGNS = 4
PIECE = 2**12
"""Numbers that the same signs are for; each piece has one more for all of it."""
SAME_SKETCH = 1e-9
"""The rounding of float64 sums in another order, relative to their root mean square."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Op:
    """An operation of torch, in a module of the network, and the line of model.py that calls it."""

    module: str
    name: str
    line: int
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """An operation with the shapes of its results and their sketches."""

    op: Op
    shapes: tuple[tuple[int, ...], ...]
    sketches: tuple[Tensor, ...]

    @property
    def kind(self) -> tuple[object, ...]:
        """The description that two operations share which do the same, wherever they are."""
        return self.op.module, self.op.name, self.shapes

    def agrees(self, other: "Traced") -> bool:
        """Return whether the results are the same numbers."""
        pairs = zip(self.sketches, other.sketches, strict=True)
        return all(_agree(one, another) for one, another in pairs)


@dataclass(slots=True, kw_only=True)
class Trace:
    """All operations in order, the network's output, and the results that were asked for."""

    ops: list[Traced] = field(default_factory=list)
    results: dict[int, tuple[Tensor, ...]] = field(default_factory=dict)
    output: Tensor = field(default_factory=lambda: torch.empty(0))

    def op(self, number: int) -> Op | None:
        """The operation of this number, if there are as many."""
        return self.ops[number].op if number < len(self.ops) else None


def trace(model: nn.Module, run: Callable[[], Tensor], wanted: frozenset[int]) -> Trace:
    """Records what the network does in a call; keeps the results of `wanted`, by number."""
    file = sys.modules[type(model).__module__].__file__
    found = Trace()
    with _module_paths(model) as path, _Recording(found, path, file or "", wanted), torch.no_grad():
        found.output = run()
    return found


@contextmanager
def _module_paths(model: nn.Module) -> Iterator[list[str]]:
    """The paths of the modules that are running now, the innermost last."""
    path, handles = [""], []
    for name, module in model.named_modules():
        if name:
            handles.append(module.register_forward_pre_hook(partial(_enter, path, name)))
            handles.append(module.register_forward_hook(partial(_leave, path)))
    try:
        yield path
    finally:
        for each in handles:
            each.remove()


def _enter(path: list[str], name: str, *_: object) -> None:
    path.append(name)


def _leave(path: list[str], *_: object) -> None:
    path.pop()


class _Recording(TorchFunctionMode):
    """Notes every function of torch that is called and gives tensors."""

    def __init__(self, found: Trace, path: list[str], file: str, wanted: frozenset[int]) -> None:
        super().__init__()
        self.found, self.path, self.file, self.wanted = found, path, file, wanted

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if tensors := tuple(_tensors(result)):
            self.note(getattr(func, "__name__", str(func)), tensors)
        return result

    def note(self, name: str, tensors: tuple[Tensor, ...]) -> None:
        number = len(self.found.ops)
        if number in self.wanted:
            self.found.results[number] = tuple(each.clone() for each in tensors)
        line = _line(self.file)
        code = linecache.getline(self.file, line).strip()
        self.found.ops.append(
            Traced(
                op=Op(module=self.path[-1], name=name, line=line, code=code),
                shapes=tuple(tuple(each.shape) for each in tensors),
                sketches=tuple(map(_sketch, tensors)),
            )
        )


def _tensors(result: object) -> Iterator[Tensor]:
    if isinstance(result, Tensor):
        yield result
    elif isinstance(result, tuple | list):
        for each in result:
            yield from _tensors(each)


def _line(file: str) -> int:
    """The line of a file that has called, the innermost; 0 if none has."""
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_code.co_filename != file:
        frame = frame.f_back
    return frame.f_lineno if frame else 0


def _sketch(tensor: Tensor) -> Tensor:
    """The sums under random signs, and last the root of the sum of squares."""
    numbers = tensor.detach().to(torch.float64).flatten()
    finite = numbers.nan_to_num(nan=1e30, posinf=1e31, neginf=-1e31)
    pieces = F.pad(finite, (0, -len(finite) % PIECE)).view(-1, PIECE)
    sums = (pieces @ _signs(PIECE) * _signs(len(pieces))).sum(dim=0)
    return torch.cat((sums, finite.norm()[None]))


@cache
def _signs(count: int) -> Tensor:
    """[count, SIGNS]"""
    generator = torch.Generator().manual_seed(count)
    signs = torch.randint(0, 2, (count, SIGNS), generator=generator)
    return (2 * signs - 1).to(torch.float64)


def _agree(one: Tensor, other: Tensor) -> bool:
    largest = max(one[-1].item(), other[-1].item())
    return bool((one - other).abs().max() <= SAME_SKETCH * largest)
