"""`functional.py`: what a network computes, as functions of tensors alone.

It is written on demand, for exporters, and stands beside `model.py`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from compiler.analysis.infer_shapes import output_shapes
from compiler.analysis.refusals import graphs_of
from compiler.emit.calls import expressions, written
from compiler.emit.helpers import helpers_of
from compiler.emit.imports import as_imported, import_lines
from compiler.emit.layout import docstring, lay, signature
from compiler.emit.model import helpers_of_model
from compiler.emit.naming import Numbers, collect, constants_in
from compiler.emit.state_tensors import StateCode
from compiler.emit.template import fill
from compiler.emit.traced_programs import (
    annotations_of,
    in_table,
    layers_in_turn,
    predicates_of,
    program_name,
    programs_of,
)
from compiler.ir.block import Block
from compiler.ir.verify import verify
from compiler.ops.expression import (
    Attribute,
    Call,
    Expression,
    Hyperparameter,
    Name,
    call,
    method,
    parts,
)
from compiler.ops.shape import Free, Shape, words
from compiler.transforms.derive_functional import (
    Changed,
    changed_functions,
    derive_functional,
    state_tree,
)
from compiler.transforms.name_tokens import name_tokens

MODEL, TENSORS = Name("model"), "tuple[Tensor, ...]"
TURNS = ("itertools.cycle", "itertools.islice")
POSITIONED = frozenset({"visible_slots", "newest"})
"""Attributes of an ancestry by whose use it knows the positions of slots."""


def functional_text(model: Block, name: str) -> str:
    """Return the file of a network whose programs `why_not_traced` does not refuse.

    `model` is what the passes of a compilation give. A network with a decoder has `start`, `step`
    and, unless that is refused, `prefill`; another has `forward`.
    """
    model = name_tokens(model)
    network = helpers_of_model(model)
    functional = derive_functional(model)
    verify(functional, "derive_functional")
    names = graphs_of(model)
    programs = programs_of(model, functional, names)
    public = _Public(model=model, changed=changed_functions(model, functional), names=names)
    code = [each for one in programs for each in written(one.function)] + public.expressions()
    table = in_table(functional, programs)
    annotations = annotations_of(programs)
    foreign = [each for each in network.imports if each.rpartition(".")[2] in annotations]
    turns = layers_in_turn(programs)
    needs = [
        "torch.Tensor",
        *public.imports(),
        *foreign,
        *(TURNS if turns else ()),
        *(["program_for"] if table else []),
    ]
    helpers = helpers_of(code, needs, elsewhere=network.texts)
    predicates = {mask.name for one in programs for mask in predicates_of(one.function)}
    classes = [each.block.name for each in programs]
    classes += annotations.difference(each.rpartition(".")[2] for each in foreign)
    constants = constants_in([*code, *(each.count for each in turns)], public.numbers)
    return fill(
        "functional.py.jinja",
        docstring="\n".join(docstring(_about(name, public), 0)),
        imports=import_lines(helpers.imports),
        imported=as_imported(
            [*public.classes(), *classes, *helpers.elsewhere, *predicates, *constants]
        ),
        tables=["\n".join(each) for each in public.tables()],
        definitions=[
            *("\n".join(each) for each in public.functions()),
            *("\n".join(each.lines()) for each in programs),
            *helpers.texts.values(),
        ],
        in_table=table,
    )


def _about(name: str, public: "_Public") -> list[str]:
    """Return the paragraphs of the docstring of the file."""
    first = f"{name}: what it computes, as functions of tensors alone. Written by specformer."
    sizes = (
        "Exporters record these functions as graphs. INPUTS tells the inputs of each, and of each "
        "input the dimensions whose sizes are free, by their places."
    )
    if public.state is None:
        return [first, sizes]
    state = (
        "A state of decoding is a list of tensors, in the order of STATE. `step` reads one and "
        "returns what it has changed, in the order of CHANGED. In STATE, `parents` are the "
        "hypotheses that a step continues: one in the first."
    )
    return [first, sizes, state]


@dataclass(frozen=True, kw_only=True)
class _Public:
    """The functions of a network that a graph is made of, `names`, and the tables about them."""

    model: Block
    changed: Changed
    names: tuple[str, ...]

    @cached_property
    def numbers(self) -> Numbers:
        """The numbers of the model."""
        return collect(self.model)

    @cached_property
    def state(self) -> StateCode | None:
        """The code of the state of decoding, if the network decodes."""
        if not self.model.has("step"):
            return None
        written = (part for each in expressions(self.model) for part in parts(each))
        used = {each.name for each in written if isinstance(each, Attribute)}
        return StateCode(
            tree=state_tree(self.model),
            has_positions=not used.isdisjoint(POSITIONED),
            name_of=self.name_of,
        )

    @property
    def tokens(self) -> str:
        """The name of the first input: tokens by which the size of the batch is known."""
        return self.model.function(self.names[0]).inputs[0].name.lstrip("_")

    def name_of(self, number: Hyperparameter) -> str:
        """Return the name of a number in the file."""
        return self.numbers.name(number, self.model)

    def expressions(self) -> list[Expression]:
        """Return the code of the state, by which helpers and constants are found."""
        return [] if self.state is None else self.state.expressions(self.tokens)

    def imports(self) -> Iterator[str]:
        """Yield the names that the public functions import."""
        if self.state is not None:
            yield from ("typing.Any", "collections.abc.Iterable")

    def classes(self) -> Iterator[str]:
        """Yield the names of the classes of `model.py` that the public functions name."""
        yield self.model.name
        if self.state is not None:
            yield from self.state.classes()

    def inputs(self, function: str) -> list[tuple[str, Shape]]:
        """Return the inputs of a function besides the model and its state, with their shapes."""
        given = [
            (each.name.lstrip("_"), each.shape)
            for each in self.model.function(function).inputs
            if each.shape
        ]
        return [*given, ("position", ())] if function == "step" else given

    def tables(self) -> Iterator[list[str]]:
        """Yield the tables of inputs and of the state, each as lines."""
        yield [
            "INPUTS: dict[str, dict[str, dict[int, str]]] = {",
            *(f'    "{each}": {{{self._dimensions(each)}}},' for each in self.names),
            "}",
        ]
        if self.state is None:
            return
        tensors = self.state.tensors()
        yield [
            "STATE: dict[str, dict[int, str]] = {",
            *(f'    "{each.path}": {_table(each.dynamic)},' for each in tensors),
            "}",
        ]
        changed = [f'"{each.path}",' for each in tensors if each.is_changed]
        if len(changed) == 1:  # a formatter breaks a tuple of several alone
            yield [f"CHANGED = ({changed[0]})"]
        else:
            yield ["CHANGED = (", *(f"    {each}" for each in changed), ")"]

    def _dimensions(self, function: str) -> str:
        return ", ".join(
            f'"{name}": {_table(free_dimensions(shape))}' for name, shape in self.inputs(function)
        )

    def functions(self) -> Iterator[list[str]]:
        """Yield the public functions, each as lines."""
        if self.state is None:
            yield self._forward()
            return
        yield self._start(self.state)
        yield from (self._reading(each) for each in self.names[1:])
        yield self._assembling(self.state)
        yield self._changed(self.state)

    def _called(self, function: str, *inputs: Expression) -> Expression:
        """Return the call of a function of the model, or of the program that stands for it."""
        if (self.model.name, function) in self.changed:
            return call(program_name(self.model, function), MODEL, *inputs)
        return Call(MODEL, inputs) if function == "forward" else method(MODEL, function, *inputs)

    def _head(self, function: str, *more: str) -> list[str]:
        given = [f"{name}: Tensor" for name, _ in self.inputs(function)]
        result = "Tensor" if function == "forward" else TENSORS
        return signature(function, [f"model: {self.model.name}", *given, *more], result, 0)

    def _shapes(self, function: str) -> str:
        inputs = (f"{name} {self._words(shape)}" for name, shape in self.inputs(function))
        return ", ".join(inputs)

    def _words(self, shape: Shape) -> str:
        return words(shape, self.name_of)

    def _forward(self) -> list[str]:
        (result,) = output_shapes(self.model, self.model.function("forward"))
        inputs = tuple(Name(name) for name, _ in self.inputs("forward"))
        about = [f"{self._shapes('forward')} -> {self._words(result)}"]
        body = lay("return ", self._called("forward", *inputs), self.name_of, 1)
        return [*self._head("forward"), *docstring(about, 1), *body]

    def _start(self, state: StateCode) -> list[str]:
        about = [
            "Return the tensors of a state before the first token, in the order of STATE.",
            self._shapes("start"),
        ]
        lines = list(state.initial_lines(self.tokens))
        made: Iterable[str] = ()
        if any(" state." in each or " state" in each for each in lines):
            inputs = (Name(each) for each, _ in self.inputs("start"))
            made = lay("state: Any = ", self._called("start", *inputs), self.name_of, 1)
        numbers = any("numbers." in each for each in lines)
        batch = f"    batch = {self.tokens}.size(0)"
        if numbers:
            batch = f"    batch, numbers = {self.tokens}.size(0), next(model.parameters())"
        return [
            *self._head("start"),
            *docstring(about, 1),
            *made,
            batch,
            "    tensors: list[Tensor] = []",
            *lines,
            "    return tuple(tensors)",
        ]

    def _reading(self, function: str) -> list[str]:
        """Return `step` or `prefill`, as lines."""
        tokens, (_, shape) = self.inputs(function)[0][0], self.inputs(function)[0]
        (projected,) = output_shapes(self.model, self.model.function("project"))
        logits = self._words((*shape, projected[-1]))
        note = {
            "step": "Read the newest token of each hypothesis, which continues the one at the "
            "index `parent` of the step before and has read `position` tokens.",
            "prefill": "Read the first tokens of each text at once, as that many steps would.",
        }[function]
        about = [
            f"{note} `tensors` are a state.",
            f"{self._shapes(function)} -> logits {logits}, and what has changed",
        ]
        position = "position" if function == "step" else f"{tokens}.new_zeros(())"
        names = [Name(name) for name, _ in self.inputs(function) if name != "position"]
        read = lay("features = ", self._called(function, *names, Name("state")), self.name_of, 1)
        return [
            *self._head(function, "*tensors: Tensor"),
            *docstring(about, 1),
            f"    state = state_of({position}, tensors)",
            *read,
            "    return model.project(features), *changed(state)",
        ]

    def _assembling(self, state: StateCode) -> list[str]:
        declared = ["position: Tensor", "tensors: Iterable[Tensor]"]
        if not state.has_ancestry:
            declared[0] = "_position: Tensor"
        return [
            *signature("state_of", declared, state.annotation, 0),
            *docstring(["Return the state that tensors in the order of STATE make up."], 1),
            "    each = iter(tensors)",
            *lay("return ", state.assembled(), self.name_of, 1),
        ]

    def _changed(self, state: StateCode) -> list[str]:
        about = f"Return the tensors of a {state.annotation} that are in CHANGED."
        return [
            *signature("changed", ["state: Any"], "list[Tensor]", 0),
            *docstring([about], 1),
            "    tensors: list[Tensor] = []",
            *state.changed_lines(),
            "    return tensors",
        ]


def free_dimensions(shape: Shape) -> dict[int, str]:
    """Return the names of the dimensions whose sizes the spec does not give, by their places."""
    return {place: each.name for place, each in enumerate(shape) if isinstance(each, Free)}


def _table(dimensions: dict[int, str]) -> str:
    return "{" + ", ".join(f'{place}: "{name}"' for place, name in dimensions.items()) + "}"
