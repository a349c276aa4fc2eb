"""Derives the incremental decoding program from the forward pass and the `state` rules of the ops.

Every value of the forward pass either depends on the stream that is decoded or does not. What does
not is computed once, in `start`; what does is computed for the newest position alone, in `step`.
The state that a block carries between steps is what crosses from one to the other: values of
`start` that `step` reads, the caches that `Remembers` asks for, the memories of `Replaces`, and the
states of the blocks below.
"""

import re
from dataclasses import dataclass, field, replace

from compiler.ir.block import (
    Block,
    Function,
    Input,
    Invoke,
    Repeat,
    StateClass,
    Statement,
    callee,
    shown,
)
from compiler.ir.letters import lettered
from compiler.mask.interval import HERE
from compiler.ops.decoding import (
    SLOTS,
    Append,
    Extend,
    Field,
    LineageMask,
    MakeState,
    NewCache,
    NewLineage,
    NewMemory,
)
from compiler.ops.expression import Literal
from compiler.ops.op import Cache, Continues, Counts, Op, Remembers, Replaces, Slots, Vanishes
from compiler.ops.shape import BATCH, BEAM, TARGET, Free, Shape
from compiler.passes.infer_shapes import shapes_of
from compiler.passes.live import live
from compiler.passes.reach import reach_of

LINEAGE, PARENT = "lineage", "parent"
TOLD = Input(name=LINEAGE, annotation="Lineage"), Input(name=PARENT, shape=(BATCH, BEAM))
"""What a step may need to know of hypotheses: all that each descends from, or what it continues."""


def derive_step(model: Block) -> Block:
    """The model with `start` and `step`, and so every block on the way to the decoded stream."""
    features = model.function("features")
    tokens = [each.name for each in features.inputs]
    if "target" not in tokens:
        return model
    root = _Derivation(model, features, {"target"}, is_root=True)
    if root.needs(LINEAGE) or not root.needs(PARENT):
        new_lineage = Statement(
            results=("_.lineage",), op=NewLineage(), inputs=(tokens[0],), origin=model.origin
        )
        root.keep(LINEAGE, "Lineage", new_lineage)
    derived = root.rebuilt()
    *others, start, step = derived.functions
    if tokens == ["target"]:
        start = _without_source(start, features.inputs[0])
    return replace(derived, functions=(*others, start, _from_tokens(step)))


def _without_source(start: Function, target: Input) -> Function:
    """It is given the target all the same: there is one way to call it."""
    if not start.inputs:
        unread = replace(target, name="_target")
        return replace(start, inputs=(unread,), note="An empty state, whatever the target.")
    note = "An empty state. Of the target it is asked only how many sentences there are."
    return replace(start, note=note)


def _from_tokens(step: Function) -> Function:
    """The step of the whole model: it reads tokens, and the lineage is a part of its state."""
    token, state, *_ = step.inputs
    body = _with_lineage(step.body, state)
    renamed = {LINEAGE: "_.lineage", token.name: "token"}
    return replace(
        step,
        inputs=(replace(token, name="token"), TOLD[1], state),
        body=tuple(_renamed(statement, renamed) for statement in body),
        note="The newest token of each hypothesis, and the hypothesis of the step before that it "
        "continues; the first step continues the empty one, 0.",
    )


def _with_lineage(body: tuple[Statement, ...], state: Input) -> tuple[Statement, ...]:
    """The lineage is extended first, if the state has one."""
    fields = [each for each in body if isinstance(each.op, Field) and each.inputs == (state.name,)]
    if not any(each.results == ("_.lineage",) for each in fields):
        return body
    extend = Statement(results=(), op=Extend(), inputs=("_.lineage", PARENT), origin=body[0].origin)
    return (*fields, extend, *body[len(fields) :])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """A field of a block's state: `value` is what fills it in `start`."""

    name: str
    annotation: str
    value: str


@dataclass(slots=True)
class _Derivation:
    """One block under derivation; `decoded` holds the values that grow by a position each step."""

    block: Block
    forward: Function
    decoded: set[str]
    is_root: bool = False
    stands_for: dict[str, str] = field(default_factory=dict)
    starting: list[Statement] = field(default_factory=list)
    stepping: list[Statement] = field(default_factory=list)
    below: dict[str, "_Derivation"] = field(default_factory=dict)
    made: list[_Kept] = field(default_factory=list)

    def __post_init__(self) -> None:
        for statement in self.forward.body:
            inputs = tuple(self.stands_for.get(each, each) for each in statement.inputs)
            self.divide(replace(statement, inputs=inputs))
        outputs = {self.stands_for.get(each, each) for each in self.forward.outputs}
        self.stepping = live(self.stepping, outputs)

    def divide(self, statement: Statement) -> None:
        """Puts a statement, or what becomes of it, into `start` or `step` or both."""
        if not self.decoded.intersection(statement.inputs):
            self.starting.append(statement)
            return
        self.decoded.update(statement.results)
        if isinstance(statement.op, Invoke):
            self.divide_call(statement, statement.op)
        else:
            self.divide_op(statement, statement.op)

    def divide_op(self, statement: Statement, op: Op) -> None:
        """By the op's state rule."""
        state = op.state(tuple(each in self.decoded for each in statement.inputs))
        match state:
            case Vanishes():
                self.stands_for[statement.results[0]] = statement.inputs[0]
            case Continues(step=step):
                self.stepping.append(replace(statement, op=step))
            case Counts(step=step):
                position = self.tell("_.position", Field(name="position"), LINEAGE)
                inputs = (*statement.inputs, position)
                self.stepping.append(replace(statement, op=step, inputs=inputs))
            case Slots(step=step):
                self.stepping.append(replace(statement, op=step, inputs=(LINEAGE,)))
            case Remembers():
                self.remember(statement, state)
            case Replaces():
                self.renew(statement, state)

    def remember(self, statement: Statement, state: Remembers) -> None:
        """The newest key and value go to a cache; the query reads all that it is allowed."""
        newest, memory = [statement.inputs[index] for index in state.kept], state.cache
        grown = tuple(f"{shown(each)}.grown" for each in newest)
        key, some = shown(newest[0]), memory.is_partial
        cache = self.keep(lettered("cache", key), memory.annotation, NewCache(cache=memory))
        slots, told = ((f"{lettered('slots', key)}.1",), (LINEAGE,)) if some else ((), ())
        self.stepping.append(
            replace(
                statement,
                op=Append(is_partial=some),
                inputs=(cache, *newest, *told),
                results=(*grown, *slots),
                part="",
            )
        )
        allowed = statement.inputs[3] if state.is_told else self.allowed(memory, slots, key)
        query = statement.inputs[0]
        self.stepping.append(replace(statement, op=state.step, inputs=(query, *grown, allowed)))

    def renew(self, statement: Statement, state: Replaces) -> None:
        """What is known of each hypothesis follows from what was known of its parent."""
        kept = self.keep("memory", state.memory.annotation, NewMemory(memory=state.memory))
        first, *_ = statement.results
        inputs = (statement.inputs[0], kept, PARENT)
        self.stepping.append(replace(statement, op=state.step, inputs=inputs, results=(first,)))

    def allowed(self, memory: Cache, slots: tuple[str, ...], key: str) -> str:
        """The slots that each hypothesis descends from, and of these what its mask allows."""
        mask: Shape = (BATCH, Literal(1), BEAM, SLOTS)
        readable = LineageMask(declared=mask, reads=None if memory.is_plain else memory.reads)
        return self.tell(lettered("_.mask", key), readable, LINEAGE, *slots)

    def divide_call(self, statement: Statement, invoke: Invoke) -> None:
        """A block that needs no state is called as it is; others by their own start and step."""
        block = callee(self.block, statement)
        function = block.function(invoke.function)
        grows = [value in self.decoded for value in statement.inputs]
        names = [each.name for each in function.inputs]
        inner = _Derivation(
            block, function, {name for name, each in zip(names, grows, strict=True) if each}
        )
        if inner.stateless():
            self.stepping.append(statement)
            return
        self.below[statement.part] = inner
        meaning = dict(zip(names, statement.inputs, strict=True))
        name = re.sub(r"\W+", "_", statement.part).rstrip("_")  # of `layers[5:6]`: `layers_5_6`
        start = replace(
            statement,
            op=Invoke(function="start"),
            inputs=tuple(meaning[name] for name in inner.start_inputs()),
            results=(f"_.{name}",),
        )
        repeated = isinstance(self.block.part(statement.part), Repeat)
        annotation = f"list[{inner.annotation()}]" if repeated else inner.annotation()
        state = self.keep(name, annotation, start)
        step_inputs = [meaning[name] for name in inner.step_inputs()]
        told = (each.name for each in inner.told())
        self.stepping.append(
            replace(
                statement,
                op=Invoke(function="step"),
                inputs=(*step_inputs, state, *told),
            )
        )

    def keep(self, name: str, annotation: str, made_by: Op | Statement) -> str:
        """A field of the state that `start` makes; returns the value by which `step` knows it."""
        result = f"_.{name}"
        if isinstance(made_by, Op):
            made_by = Statement(results=(result,), op=made_by, inputs=(), origin=self.block.origin)
        self.starting.append(made_by)
        self.made.append(_Kept(name=name, annotation=annotation, value=result))
        return result

    def tell(self, result: str, op: Op, *inputs: str) -> str:
        """A value that `step` reads from what it is given."""
        statement = Statement(results=(result,), op=op, inputs=inputs, origin=self.block.origin)
        if statement not in self.stepping:
            self.stepping.append(statement)
        return result

    def needs(self, name: str) -> bool:
        """Whether `step` must be told this of hypotheses."""
        return any(name in statement.inputs for statement in self.stepping)

    def told(self) -> list[Input]:
        """All that it must be told of them."""
        return [each for each in TOLD if self.needs(each.name)]

    def stateless(self) -> bool:
        """Whether the forward pass does for a step: each position alone, and nothing to keep."""
        reach = reach_of(self.block, self.forward)
        alone = all(reach[each] == HERE and each in self.decoded for each in reach)
        return alone and not self.made and not self.told()

    def crossing(self) -> list[_Kept]:
        """The fields of the state: tensors that `step` reads, then caches and states below."""
        given = self.told_at_step()
        caches = {each.value for each in self.made}
        read = [value for statement in self.stepping for value in statement.inputs]
        own = {value for statement in self.starting for value in statement.results}
        own |= {each.name for each in self.forward.inputs} - self.decoded
        tensors = dict.fromkeys(v for v in read if v in own and v not in given | caches)
        crossed = [_Kept(name=shown(each), annotation="Tensor", value=each) for each in tensors]
        return crossed + self.made

    def told_at_step(self) -> set[str]:
        """Inputs that `step` is given; the root is given but the newest tokens."""
        given = {each.name for each in self.forward.inputs}
        return given & self.decoded if self.is_root else given

    def annotation(self) -> str:
        """The type of the state: a class of its own unless it is just one cache or state."""
        fields = self.crossing()
        if len(fields) == 1 and fields[0].annotation != "Tensor" and not self.is_root:
            return fields[0].annotation
        return f"{self.block.name}State"

    def live_start(self) -> list[Statement]:
        """The statements that the state needs, in order."""
        needed = {each.value for each in self.crossing()}
        return live(self.starting, needed)

    def start_inputs(self) -> list[str]:
        """Inputs of the forward pass that `start` needs."""
        read = {value for statement in self.live_start() for value in statement.inputs}
        return [each.name for each in self.forward.inputs if each.name in read]

    def step_inputs(self) -> list[str]:
        """Inputs of the forward pass that `step` needs."""
        read = {value for statement in self.stepping for value in statement.inputs}
        wanted = read & self.told_at_step()
        return [each.name for each in self.forward.inputs if each.name in wanted]

    def state_name(self) -> str:
        """What the state is called inside `step`."""
        annotation = self.annotation()
        if annotation.startswith("list["):
            return "states"
        return "cache" if annotation.endswith("Cache") else "state"

    def rebuilt(self) -> Block:
        """The block with its two new functions, and those of the blocks below."""
        annotation, fields = self.annotation(), self.crossing()
        own = annotation == f"{self.block.name}State"
        state = StateClass(
            name=annotation, fields=tuple((each.name, each.annotation) for each in fields)
        )
        functions = (*self.block.functions, self.start(fields, own=own), self.step(fields, own=own))
        return replace(
            self.block,
            parts=tuple((name, self.part(name, part)) for name, part in self.block.parts),
            functions=functions,
            state=state if own else None,
        )

    def part(self, name: str, part: Op | Repeat | Block) -> Op | Repeat | Block:
        """A part below with its own start and step, where it has them."""
        if name not in self.below:
            return part
        block = self.below[name].rebuilt()
        return replace(part, block=block) if isinstance(part, Repeat) else block

    def start(self, fields: list[_Kept], *, own: bool) -> Function:
        """The program before the first step."""
        body, values = self.live_start(), tuple(each.value for each in fields)
        if own:
            make = Statement(
                results=("_.state",),
                op=MakeState(name=self.annotation()),
                inputs=values,
                origin=self.block.origin,
            )
            body, values = [*body, make], make.results
        wanted = self.start_inputs()
        inputs = tuple(each for each in self.forward.inputs if each.name in wanted)
        return Function(
            name="start",
            inputs=inputs,
            body=tuple(body),
            outputs=values,
            annotation=self.annotation(),
            note="What is the same at every step, computed once." if inputs else "Empty as yet.",
        )

    def step(self, fields: list[_Kept], *, own: bool) -> Function:
        """The program of one step."""
        shapes, wanted = shapes_of(self.block, self.forward), self.step_inputs()
        name = self.state_name()
        state = Input(name=name, annotation=self.annotation())
        reads = [
            Statement(
                results=(each.value,),
                op=Field(name=each.name, declared=shapes.get(each.value, ())),
                inputs=(name,),
                origin=self.block.origin,
            )
            for each in fields
        ]
        body = [*reads, *self.stepping]
        if not own:
            renamed = {fields[0].value: name}
            body = [_renamed(statement, renamed) for statement in self.stepping]
        outputs = tuple(self.stands_for.get(each, each) for each in self.forward.outputs)
        return Function(
            name="step",
            inputs=(
                *(
                    _at_step(each, self.decoded)
                    for each in self.forward.inputs
                    if each.name in wanted
                ),
                state,
                *self.told(),
            ),
            body=tuple(body),
            outputs=outputs,
            note="The newest position of each hypothesis.",
        )


def _renamed(statement: Statement, names: dict[str, str]) -> Statement:
    return replace(statement, inputs=tuple(names.get(each, each) for each in statement.inputs))


def _at_step(given: Input, decoded: set[str]) -> Input:
    """A stream is as long as the beam is wide. What is said of positions is said of the newest,

    and what is said of pairs of them of the newest and all slots.
    """
    if given.name not in decoded:
        return given
    batch, position, *others = given.shape
    if batch == BATCH and isinstance(position, Free):
        return replace(given, shape=(batch, BEAM, *others))
    if given.shape.count(TARGET) == 2:
        return replace(given, shape=(BATCH, given.shape[-3], BEAM, SLOTS))
    one = (Literal(1) if each == TARGET else each for each in given.shape)
    return replace(given, shape=tuple(one))
