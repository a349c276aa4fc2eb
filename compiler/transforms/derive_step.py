"""Derives the programs of incremental decoding: `start`, `step` and `prefill`.

`partition.py` says which statements each of them has; here they become functions of the blocks.
"""

from dataclasses import replace

from compiler.analysis.infer_shapes import shapes_of
from compiler.ir.block import Block, Function, Input, Repeat, StateClass, Statement
from compiler.ops.decoding import SLOTS, Extend, Field, FillAncestry, MakeState, NewAncestry
from compiler.ops.expression import Const
from compiler.ops.op import Op
from compiler.ops.shape import BATCH, BEAM, TARGET, Free
from compiler.transforms.partition import (
    ANCESTRY,
    BEAM_INPUTS,
    PARENT,
    Kept,
    Partition,
    rename_inputs,
)


def derive_step(model: Block) -> Block:
    """Return the model with decoding programs in every block on the way to the decoded stream."""
    features = model.function("features")
    tokens = [each.name for each in features.inputs]
    if "target" not in tokens:
        return model
    root = Partition(model, features, {"target"}, is_root=True)
    if root.needs(ANCESTRY) or not root.needs(PARENT):
        new_ancestry = Statement(
            results=("_.ancestry",), op=NewAncestry(), inputs=(tokens[0],), origin=model.origin
        )
        root.keep(ANCESTRY, "BeamAncestry", new_ancestry)
    derived = _with_programs(root)
    *others, start, step, prefill = derived.functions
    if tokens == ["target"]:
        start = _without_source(start, features.inputs[0])
    return replace(derived, functions=(*others, start, _of_tokens(step), _of_prompt(prefill)))


def _without_source(start: Function, target: Input) -> Function:
    """Return the `start` of a model without a source, which reads at most the batch size."""
    if not start.inputs:
        unread = replace(target, name="_target")
        return replace(start, inputs=(unread,), note="Make an empty state, whatever the tokens.")
    note = "Make an empty state for as many texts as `tokens` has rows."
    return replace(start, note=note)


def _of_tokens(step: Function) -> Function:
    """Return the step of the whole model: it reads tokens, and its state has the ancestry."""
    token, state, *_ = step.inputs
    body = _with_ancestry(step.body, state, Extend(), PARENT)
    renamed = {ANCESTRY: "_.ancestry", token.name: "token"}
    return replace(
        step,
        inputs=(replace(token, name="token"), BEAM_INPUTS[1], state),
        body=tuple(rename_inputs(statement, renamed) for statement in body),
        note="Compute the features of the newest token of each hypothesis. `parent` is the index "
        "of the hypothesis of the previous step that it extends: 0, the empty one, in the first "
        "step.",
    )


def _of_prompt(prefill: Function) -> Function:
    """Return the `prefill` of the whole model, which also fills the ancestry in its state."""
    target, state = prefill.inputs
    return replace(
        prefill,
        body=_with_ancestry(prefill.body, state, FillAncestry(), target.name),
        note="Read the first tokens of each text, without padding, into a new state at once. The "
        "result is the same as from one `step` for each token.",
    )


def _with_ancestry(
    body: tuple[Statement, ...], state: Input, op: Op, read: str
) -> tuple[Statement, ...]:
    """Return the body of a program that first updates the ancestry, if the state has one."""
    fields = [each for each in body if isinstance(each.op, Field) and each.inputs == (state.name,)]
    if not any(each.results == ("_.ancestry",) for each in fields):
        return body
    on = Statement(results=(), op=op, inputs=("_.ancestry", read), origin=body[0].origin)
    return (*fields, on, *body[len(fields) :])


def _with_programs(partition: Partition) -> Block:
    """Return the block with decoding programs added to it and to the blocks below it."""
    annotation, fields = partition.annotation(), partition.crossing()
    block = partition.block
    is_own = annotation == f"{block.name}State"
    state = StateClass(
        name=annotation, fields=tuple((each.name, each.annotation) for each in fields)
    )
    programs = (
        _start(partition, fields, is_own=is_own),
        _step(partition, fields, is_own=is_own),
        _prefill(partition, fields, is_own=is_own),
    )
    return replace(
        block,
        parts=tuple((name, _part(partition, name, part)) for name, part in block.parts),
        functions=(*block.functions, *programs),
        state=state if is_own else None,
    )


def _part(partition: Partition, name: str, part: Op | Repeat | Block) -> Op | Repeat | Block:
    """Return a part of a block, with its decoding programs where it has some."""
    if name not in partition.below:
        return part
    block = _with_programs(partition.below[name])
    return replace(part, block=block) if isinstance(part, Repeat) else block


def _start(partition: Partition, fields: list[Kept], *, is_own: bool) -> Function:
    """Return the program that runs before the first position is read."""
    body, values = partition.live_start(), tuple(each.value for each in fields)
    if is_own:
        make = Statement(
            results=("_.state",),
            op=MakeState(name=partition.annotation()),
            inputs=values,
            origin=partition.block.origin,
        )
        body, values = [*body, make], make.results
    wanted = partition.start_inputs()
    inputs = tuple(each for each in partition.forward.inputs if each.name in wanted)
    return Function(
        name="start",
        inputs=inputs,
        body=tuple(body),
        outputs=values,
        annotation=partition.annotation(),
        note="Make the decoding state and compute what is the same for all steps."
        if inputs
        else "Make an empty state.",
    )


def _step(partition: Partition, fields: list[Kept], *, is_own: bool) -> Function:
    """Return the program of one step."""
    wanted = partition.inputs_of(partition.stepping)
    given = [each for each in partition.forward.inputs if each.name in wanted]
    state = _state_of(partition)
    return Function(
        name="step",
        inputs=(
            *(_at_step(each, partition.decoded) for each in given),
            state,
            *partition.beam_inputs(),
        ),
        body=_reading(partition, partition.stepping, fields, state, is_own=is_own),
        outputs=partition.outputs(),
        note="Compute the newest position of each hypothesis.",
    )


def _prefill(partition: Partition, fields: list[Kept], *, is_own: bool) -> Function:
    """Return the program that reads the first positions at once."""
    wanted = partition.inputs_of(partition.prefilling)
    given = (each for each in partition.forward.inputs if each.name in wanted)
    state = _state_of(partition)
    return Function(
        name="prefill",
        inputs=(*given, state),
        body=_reading(partition, partition.prefilling, fields, state, is_own=is_own),
        outputs=partition.outputs(),
        note="Compute the first positions at once, into an empty state.",
    )


def _state_of(partition: Partition) -> Input:
    """Return the state as a parameter."""
    annotation = partition.annotation()
    name = "states" if annotation.startswith("list[") else "state"
    return Input(name="cache" if annotation.endswith("Cache") else name, annotation=annotation)


def _reading(
    partition: Partition,
    program: list[Statement],
    fields: list[Kept],
    state: Input,
    *,
    is_own: bool,
) -> tuple[Statement, ...]:
    """Return the statements of a program, after those that read the fields of its state."""
    if not is_own:
        return tuple(rename_inputs(each, {fields[0].value: state.name}) for each in program)
    shapes = shapes_of(partition.block, partition.forward)
    reads = (
        Statement(
            results=(each.value,),
            op=Field(name=each.name, declared=shapes.get(each.value, ())),
            inputs=(state.name,),
            origin=partition.block.origin,
        )
        for each in fields
    )
    return (*reads, *program)


def _at_step(given: Input, decoded: set[str]) -> Input:
    """Return an argument of `step`, with the shape that it has there.

    The dimension of positions becomes that of hypotheses. A mask of positions is that of the newest
    one, and a mask of pairs of positions is that of the newest one and all slots of the cache.
    Rotations and temperatures are those of the newest position, or of each hypothesis where texts
    have their own.
    """
    if given.name not in decoded:
        return given
    batch, position, *others = given.shape
    if batch == BATCH and isinstance(position, Free):
        return replace(given, shape=(batch, BEAM, *others))
    if given.shape.count(TARGET) == 2:
        return replace(given, shape=(BATCH, given.shape[-3], BEAM, SLOTS))
    is_mask = isinstance(given.shape[-1], Free)
    newest = BEAM if BATCH in given.shape and not is_mask else Const(1)
    one = (newest if each == TARGET else each for each in given.shape)
    return replace(given, shape=tuple(one))
