"""The functions of `functional.py` of a network, recorded by torch.export for texts of any size."""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from compiler.pipeline import compile_loaded
from runtime.data.symbols import BEGIN
from runtime.errors import UserError
from runtime.export.source import Exportable
from runtime.package import beside_model, import_package

FUNCTIONAL = "functional.py"
SIZES = {"batch": 3, "source": 7, "target": 8, "position": 8, "beam": 4}
"""The sizes with which functions are recorded; none is 1, which torch.export takes for itself.

Lengths are smaller where a network has fewer positions.
"""
FORMER_BEAMS = (1, 5)
"""The hypotheses of the steps before the one that is recorded, which leave 6 slots."""
NEXT = "next."
"""What stands before the name of a tensor of the state that a graph returns."""
TOKENS = "tokens"
"""The name of the input of `start` where the state has one of its name, which it returns."""
Dimensions = dict[int, str]
"""The names of the dimensions of a tensor whose sizes are free, by their places."""


class _Program(nn.Module):
    """A function of tensors, with the network that it is a function of.

    Its weights learn no more. A graph that is traced again, as for ONNX, would else take other
    kernels of attention where a bias on scores is learned, whose strides the graph does not have.
    """

    def __init__(self, model: nn.Module, function: Callable[..., Any]) -> None:
        super().__init__()
        self.model, self.function = model.requires_grad_(False), function

    def forward(self, *inputs: Tensor) -> Any:
        return self.function(self.model, *inputs)


@dataclass(frozen=True, kw_only=True)
class Graph:
    """A function of a network that is recorded on examples."""

    name: str
    """`start`, `step`, `prefill` or `forward`."""
    inputs: dict[str, Dimensions]
    outputs: tuple[str, ...]
    state: dict[str, Dimensions]
    """The inputs that are the state; none where a function makes it, or has none."""
    program: nn.Module
    examples: tuple[Tensor, ...]

    @cached_property
    def recorded(self) -> ExportedProgram:
        """The function as it was recorded, once, with the weights that it reads."""
        dynamic = tuple(dict.fromkeys(each, Dim.DYNAMIC) for each in self.inputs.values())
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the weights that a module of torch flattens
            found = torch.export.export(
                self.program, self.examples, dynamic_shapes=(dynamic,), strict=False
            )
        return without_unread(found)

    @property
    def words(self) -> str:
        """Its inputs and outputs in words, with the dimensions that are free."""
        given = dict(zip(self.inputs, self.examples, strict=True))
        shown = [
            f"{name} {shape_words(given[name], self.inputs[name])}"
            for name in self.inputs
            if name not in self.state
        ]
        read = ", ".join(shown) + (", the state" if self.state else "")
        own = [each for each in self.outputs if each in ("logits", "vectors")]
        returned = [*own, "what has changed in it"] if self.state else own or ["the state"]
        return f"{read} -> {', '.join(returned)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """The functions of tensors that a network is exported by."""

    model: nn.Module
    functional: ModuleType
    positions: int | None = None
    """The number of positions that the network has vectors for, where there is a bound."""

    @classmethod
    def of(cls, exportable: Exportable) -> "Programs":
        """Return those of a run's network, from its spec as this version compiles it.

        Raises a UserError for a package of which the weights belong to another network.
        """
        package = compile_loaded(exportable.loaded)
        files = {name: text.encode() for name, text in package.files.items()}
        files[FUNCTIONAL] = package.functional().encode()
        imported = import_package(exportable.run.folder, files)
        functional = beside_model(imported.model_class, FUNCTIONAL)
        assert functional is not None
        model = imported.model_class()
        try:
            model.load_state_dict(dict(exportable.tensors))
        except RuntimeError as error:
            raise UserError(
                f"{exportable.run.folder}: its weights are not those of the network that its spec "
                "compiles to",
                help="its package was edited, or made by another version: add --recompile",
            ) from error
        return cls(
            model=model.eval(),
            functional=functional,
            positions=exportable.spec.model.positions,
        )

    @property
    def result(self) -> str:
        """The name of what the network computes; an embedding model projects to no tokens."""
        return "logits" if hasattr(self.model, "project") else "vectors"

    @property
    def decodes(self) -> bool:
        """Return whether the network has a state that steps change."""
        return "step" in self.functional.INPUTS

    @property
    def state(self) -> dict[str, Dimensions]:
        """The tensors of the state."""
        return cast(dict[str, Dimensions], self.functional.STATE)

    @property
    def changed(self) -> tuple[str, ...]:
        """The names of the tensors that a step changes."""
        return cast(tuple[str, ...], self.functional.CHANGED)

    def graphs(self) -> Iterator[Graph]:
        """Yield the functions with examples; the sizes that are free have different ones."""
        for name, own in self.functional.INPUTS.items():
            examples, inputs = [self._example(each, sizes) for each, sizes in own.items()], own
            outputs: tuple[str, ...] = (self.result,)
            state: dict[str, Dimensions] = {}
            if name == "start":
                outputs = tuple(self.state)
                inputs = {TOKENS if each in self.state else each: own[each] for each in own}
            elif self.decodes:
                outputs = (*outputs, *(NEXT + each for each in self.changed))
                state, inputs = self.state, own | self.state
                examples += self._state()
            yield Graph(
                name=name,
                inputs=inputs,
                outputs=outputs,
                state=state,
                program=_Program(self.model, getattr(self.functional, name)),
                examples=tuple(examples),
            )

    def _example(self, name: str, sizes: Dimensions) -> Tensor:
        if name == "position":
            return torch.tensor(len(FORMER_BEAMS))
        shape = [self._size(sizes[place]) for place in sorted(sizes)]
        is_number = name in ("parent", "segments")
        return torch.zeros(shape, dtype=torch.int64) if is_number else torch.full(shape, BEGIN)

    def _size(self, name: str) -> int:
        is_length = name not in ("batch", "beam") and self.positions is not None
        return min(SIZES[name], self.positions or 0) if is_length else SIZES[name]

    @torch.no_grad()
    def _state(self) -> list[Tensor]:
        """Return the tensors of a state after some steps."""
        ((name, sizes),) = self.functional.INPUTS["start"].items()
        first = self.functional.start(self.model, self._example(name, sizes))
        state = dict(zip(self.state, first, strict=True))
        for number, beam in enumerate(FORMER_BEAMS):
            token = torch.full((SIZES["batch"], beam), BEGIN)
            read = token, torch.zeros_like(token), torch.tensor(number)
            _, *changed = self.functional.step(self.model, *read, *state.values())
            state.update(zip(self.changed, changed, strict=True))
        return [each.clone() for each in state.values()]  # no views, by which graphs are guarded


def without_unread(program: ExportedProgram) -> ExportedProgram:
    """Return a program without the weights that it does not read."""
    inputs = [each for each in program.graph.nodes if each.op == "placeholder"]
    specs, kept = program.graph_signature.input_specs, []
    for node, spec in zip(inputs, specs, strict=True):
        if spec.target is None or node.users:
            kept.append(spec)
            continue
        program.graph.erase_node(node)
        program.state_dict.pop(spec.target, None)
        program.constants.pop(spec.target, None)
    specs[:] = kept
    program.graph_module.recompile()
    return program


def shape_words(tensor: Tensor, free: Dimensions) -> str:
    """Return the sizes of a tensor, with the names of those that are free: `[batch, 4, slots]`."""
    return f"[{', '.join(free.get(n, str(each)) for n, each in enumerate(tensor.shape))}]"
