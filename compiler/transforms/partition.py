"""Divides a forward pass into the statements of its decoding programs.

Values of the forward pass that do not depend on the decoded stream are computed once, by `start`.
Values that depend on it are computed by `step` for the newest position alone, and by `prefill` for
the first positions of the stream at once, by the ops' `state` rules. The state that a block carries
between the programs is what crosses from one to another: values of `start` that the others read,
the caches that `CachesKeyValue` asks for, the memories of `CarriesState`, and the states of the
blocks below.
"""

from dataclasses import dataclass, field, replace

from compiler.analysis.dependence import dependence_of
from compiler.ir.block import Block, Function, Input, Invoke, Repeat, Statement, callee, shown
from compiler.ir.labels import labelled
from compiler.mask.interval import HERE
from compiler.ops.decoding import (
    SLOTS,
    Append,
    Field,
    Fill,
    JoinStates,
    NewCache,
    NewMemory,
    VisibleSlots,
)
from compiler.ops.expression import Const
from compiler.ops.op import (
    Cache,
    CachesKeyValue,
    CarriesState,
    Expands,
    Identity,
    NeedsCacheSlots,
    NeedsPosition,
    Op,
    Pointwise,
    State,
)
from compiler.ops.shape import BATCH, BEAM, Shape
from compiler.transforms.rewrite import live

ANCESTRY, PARENT = "ancestry", "parent"
BEAM_INPUTS = (
    Input(name=ANCESTRY, annotation="BeamAncestry"),
    Input(name=PARENT, shape=(BATCH, BEAM)),
)
"""Inputs of a step about hypotheses: the cache slots of each, and the index of its parent."""
STATES = ("state", "states", "cache")
"""Names of the parameter that is the state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A field of a block's state: `value` is what fills it in `start`."""

    name: str
    annotation: str
    value: str


@dataclass(slots=True)
class Partition:
    """The statements of one block's forward pass, divided among `start`, `step` and `prefill`.

    `decoded` holds the values that grow by a position each step. `stands_for` gives the value that
    decoding reads in place of one that an op such as dropout would have made. `expanding` holds the
    statements that make keys and values of something smaller, which attention reads in their place.
    `shared` holds the states that `start` makes of layers in one list, with their types.
    """

    block: Block
    forward: Function
    decoded: set[str]
    is_root: bool = False
    stands_for: dict[str, str] = field(default_factory=dict)
    expanding: dict[str, Statement] = field(default_factory=dict)
    starting: list[Statement] = field(default_factory=list)
    stepping: list[Statement] = field(default_factory=list)
    prefilling: list[Statement] = field(default_factory=list)
    below: dict[str, "Partition"] = field(default_factory=dict)
    made: list[Kept] = field(default_factory=list)
    shared: dict[str, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for statement in self.forward.body:
            inputs = tuple(self.stands_for.get(each, each) for each in statement.inputs)
            self.divide(replace(statement, inputs=inputs))
        self.join_states()
        self.stepping = live(self.stepping, self.outputs())
        self.prefilling = live(self.prefilling, self.outputs())

    def outputs(self) -> tuple[str, ...]:
        """Return the values that `step` and `prefill` return."""
        return tuple(self.stands_for.get(each, each) for each in self.forward.outputs)

    def divide(self, statement: Statement) -> None:
        """Put a statement, or what becomes of it, into the programs that need it."""
        is_decoded = bool(self.decoded.intersection(statement.inputs))
        self.decoded.update(statement.results if is_decoded else ())
        if isinstance(statement.op, Op) and isinstance(self.rule(statement, statement.op), Expands):
            self.expanding |= dict.fromkeys(statement.results, statement)
        elif not is_decoded:
            self.starting.append(statement)
        elif isinstance(statement.op, Invoke):
            self.divide_call(statement, statement.op)
        else:
            self.divide_op(statement, statement.op)

    def rule(self, statement: Statement, op: Op) -> State:
        """Return the state rule of the op of a statement."""
        return op.state(tuple(each in self.decoded for each in statement.inputs))

    def divide_op(self, statement: Statement, op: Op) -> None:
        """Divide a statement by the state rule of its op."""
        at_once = replace(statement, op=op.in_evaluation())
        match self.rule(statement, op):
            case Identity():
                self.stands_for[statement.results[0]] = statement.inputs[0]
            case Pointwise(step=step) if not self.expanding.keys().isdisjoint(statement.inputs):
                self.read(statement, step)
            case Pointwise(step=step):
                self.add(replace(statement, op=step), at_once)
            case NeedsPosition(step=step):
                position = self.take("_.position", Field(name="position"), ANCESTRY)
                inputs = (*statement.inputs, position)
                self.add(replace(statement, op=step, inputs=inputs), at_once)
            case NeedsCacheSlots(step=step, reads=reads):
                inputs = (ANCESTRY, *(statement.inputs[each] for each in reads))
                self.add(replace(statement, op=step, inputs=inputs), at_once)
            case CachesKeyValue() as state:
                self.remember(statement, at_once, state)
            case CarriesState() as state:
                self.renew(statement, state)

    def add(self, step: Statement, prefill: Statement) -> None:
        """Add a statement to `step` and one to `prefill`."""
        self.stepping.append(step)
        self.prefilling.append(prefill)

    def read(self, statement: Statement, step: Op) -> None:
        """Let attention read what keys and values of another stream are made of."""
        query, key, _, *mask = statement.inputs
        made = self.expanding[key]
        assert isinstance(made.op, Op)
        inputs = (query, *made.inputs, *mask)
        reading = replace(
            statement, op=made.op.attention_to_inputs(step), part=made.part, inputs=inputs
        )
        self.add(reading, reading)

    def remember(self, statement: Statement, at_once: Statement, state: CachesKeyValue) -> None:
        """Put the newest keys and values into a cache, from which the query reads.

        In `prefill` the cache takes those of all positions, and attention is the one of the
        forward pass. If keys and values are made of something smaller, the cache holds that.
        """
        newest, memory = [statement.inputs[index] for index in state.cached], state.cache
        step, part, made = state.step, statement.part, self.expanding.get(newest[0])
        if made is not None:
            assert isinstance(made.op, Op)
            newest, step, part = (
                list(made.inputs),
                made.op.attention_to_inputs(state.step),
                made.part,
            )
        grown = tuple(f"{shown(each)}.grown" for each in newest)
        some = memory.is_partial
        name = labelled("cache", memory.label)
        cache = self.keep(name, memory.annotation, NewCache(cache=memory))
        slots, ancestry = (
            ((f"{labelled('slots', memory.label)}.1",), (ANCESTRY,)) if some else ((), ())
        )
        append, fill = Append(cache=memory), Fill()
        stored = replace(statement, inputs=(cache, *newest), results=grown, part="")
        self.add(
            replace(
                stored, op=append, inputs=(*stored.inputs, *ancestry), results=(*grown, *slots)
            ),
            replace(stored, op=fill),
        )
        allowed = statement.inputs[3] if state.has_mask else self.allowed(memory, slots)
        query, *_ = statement.inputs
        renamed = dict(zip(newest, grown, strict=True))
        if made is not None:
            self.prefilling.append(rename_inputs(made, renamed))
        self.add(
            replace(statement, op=step, part=part, inputs=(query, *grown, allowed)),
            rename_inputs(at_once, renamed),
        )

    def renew(self, statement: Statement, state: CarriesState) -> None:
        """Replace the memory of each hypothesis, starting from the memory of its parent."""
        kept = self.keep(state.memory.name, state.memory.annotation, NewMemory(memory=state.memory))
        first, *_ = statement.results
        known = replace(statement, inputs=(*statement.inputs, kept), results=(first,))
        self.add(
            replace(known, op=state.step, inputs=(*known.inputs, PARENT)),
            replace(known, op=state.prefill),
        )

    def allowed(self, memory: Cache, slots: tuple[str, ...]) -> str:
        """Return the slots that each hypothesis descends from and its attention mask allows."""
        mask: Shape = (BATCH, Const(1), BEAM, SLOTS)
        readable = VisibleSlots(declared=mask, reads=None if memory.is_plain else memory.reads)
        return self.take(labelled("_.mask", memory.label), readable, ANCESTRY, *slots)

    def divide_call(self, statement: Statement, invoke: Invoke) -> None:
        """Call a block as it is if it needs no state, else by its own decoding programs."""
        block = callee(self.block, statement)
        function = block.function(invoke.function)
        names = [each.name for each in function.inputs]
        meaning = dict(zip(names, statement.inputs, strict=True))
        inner = Partition(
            block, function, {name for name in names if meaning[name] in self.decoded}
        )
        part = self.block.part(statement.part) if statement.part else block
        if inner.is_stateless() and not (isinstance(part, Repeat) and part.holder):
            self.add(statement, statement)
            return
        self.below[statement.part] = inner
        state = self.keep_below(statement, inner, meaning)

        def invoked(function: str, wanted: list[str], *beams: str) -> Statement:
            inputs = (*(meaning[name] for name in wanted), state, *beams)
            return replace(statement, op=Invoke(function=function), inputs=inputs)

        self.add(
            invoked(
                "step",
                inner.inputs_of(inner.stepping),
                *(each.name for each in inner.beam_inputs()),
            ),
            invoked("prefill", inner.inputs_of(inner.prefilling)),
        )

    def keep_below(self, statement: Statement, inner: "Partition", meaning: dict[str, str]) -> str:
        """Return the value that holds the state of a block below, made by the block's `start`."""
        name, part = statement.part, self.block.part(statement.part)
        start = replace(
            statement,
            op=Invoke(function="start"),
            inputs=tuple(meaning[name] for name in inner.start_inputs()),
            results=(f"_.{name}",),
        )
        if not isinstance(part, Repeat):
            return self.keep(name, inner.annotation(), start)
        if not part.holder:
            return self.keep(name, f"list[{inner.annotation()}]", start)
        states = self.shared.setdefault(part.holder, {})
        own = f"_.{part.holder}.{part.first}"
        states[own] = inner.annotation()
        self.starting.append(replace(start, results=(own,)))
        return f"_.{part.holder}"

    def join_states(self) -> None:
        """Make one list of the states of all layers that share a list."""
        for holder, states in self.shared.items():
            result = f"_.{holder}"
            inputs, kinds = tuple(states), set(states.values())
            kind = kinds.pop() if len(kinds) == 1 else "State"
            origin = self.block.origin
            join = Statement(results=(result,), op=JoinStates(), inputs=inputs, origin=origin)
            self.starting.append(join)
            self.made.append(Kept(name=holder, annotation=f"list[{kind}]", value=result))

    def keep(self, name: str, annotation: str, made_by: Op | Statement) -> str:
        """Add a field to the state that `start` makes; return the value that stands for it."""
        result = f"_.{name}"
        if isinstance(made_by, Op):
            made_by = Statement(results=(result,), op=made_by, inputs=(), origin=self.block.origin)
        self.starting.append(made_by)
        self.made.append(Kept(name=name, annotation=annotation, value=result))
        return result

    def take(self, result: str, op: Op, *inputs: str) -> str:
        """Return a value that `step` computes from its arguments; equal ones are computed once."""
        statement = Statement(results=(result,), op=op, inputs=inputs, origin=self.block.origin)
        if statement not in self.stepping:
            self.stepping.append(statement)
        return result

    def needs(self, name: str) -> bool:
        """Return whether `step` needs this argument about hypotheses."""
        return any(name in statement.inputs for statement in self.stepping)

    def beam_inputs(self) -> list[Input]:
        """Return the inputs about hypotheses that `step` needs."""
        return [each for each in BEAM_INPUTS if self.needs(each.name)]

    def is_stateless(self) -> bool:
        """Return whether the forward pass serves as `step`: no other positions, no state."""
        offsets = dependence_of(self.block, self.forward)
        alone = all(offsets[each] == HERE and each in self.decoded for each in offsets)
        return alone and not self.made and not self.beam_inputs()

    def crossing(self) -> list[Kept]:
        """Return the fields of the state: tensors that are read later, caches, states below."""
        passed = self.passed_inputs()
        caches = {each.value for each in self.made}
        later = (*self.stepping, *self.prefilling)
        own = {value for statement in self.starting for value in statement.results}
        own |= {each.name for each in self.forward.inputs} - self.decoded
        read = (value for statement in later for value in statement.inputs)
        tensors = dict.fromkeys(v for v in read if v in own and v not in passed | caches)
        crossed = [Kept(name=shown(each), annotation="Tensor", value=each) for each in tensors]
        return crossed + self.made

    def passed_inputs(self) -> set[str]:
        """Return the inputs that `step` and `prefill` have, too; at the root, tokens alone."""
        inputs = {each.name for each in self.forward.inputs}
        return inputs & self.decoded if self.is_root else inputs

    def annotation(self) -> str:
        """Return the type of the state: a class of its own unless it is one cache or state."""
        fields = self.crossing()
        if len(fields) == 1 and fields[0].annotation != "Tensor" and not self.is_root:
            return fields[0].annotation
        return f"{self.block.name}State"

    def live_start(self) -> list[Statement]:
        """Return the statements that the state needs, in order."""
        return live(self.starting, {each.value for each in self.crossing()})

    def start_inputs(self) -> list[str]:
        """Return the inputs of the forward pass that `start` needs."""
        read = {value for statement in self.live_start() for value in statement.inputs}
        return [each.name for each in self.forward.inputs if each.name in read]

    def inputs_of(self, program: list[Statement]) -> list[str]:
        """Return the inputs of the forward pass that the statements of a program need."""
        read = {value for statement in program for value in statement.inputs}
        wanted = read & self.passed_inputs()
        return [each.name for each in self.forward.inputs if each.name in wanted]


def rename_inputs(statement: Statement, names: dict[str, str]) -> Statement:
    """Return the statement with other values for some of its inputs."""
    return replace(statement, inputs=tuple(names.get(each, each) for each in statement.inputs))
