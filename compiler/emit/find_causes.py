"""The settings that each statement, part and number of a network comes from.

Most follow from names: a number has the name of its setting, or one in `KEYS`, and the setting is
the closest one of that name, from the section that was lowered up to `model:`. What the numbers of
an op do not say is said by the op's `chosen_by`.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from pydantic import BaseModel

from compiler.emit.calls import code_of
from compiler.emit.naming import of_formula
from compiler.ir.block import Block, Invoke, Repeat, Statement, callee, shown, walk
from compiler.ir.causes import Caused, Paths, SettingSpan, causes_of, fields_of, united
from compiler.ir.numbers import inside, own_numbers
from compiler.ops.expression import Call, Expression, Hyperparameter, parts
from compiler.ops.op import Op
from compiler.source.span import Span
from compiler.spec.paths import value_at
from compiler.spec.spec import Spec

KEYS = {
    "encoder_d_model": "d_model",
    "norm_eps": "norm.eps",
    "query_key_eps": "query_key_norm.eps",
    "alpha": "norm.place",
    "beta": "norm.place",
    "latent_width": "latent.keys_and_values",
    "query_latent": "latent.queries",
    "latent_rotary": "latent.rotary",
    "latent_eps": "latent.eps",
    "streams": "residual.streams",
    "attention_dropout": "dropout",
    "attention_scale": "scale",
    "score_cap": "soft_cap",
    "maps": "heads",
    "kv_maps": "kv_heads",
    "head_norm_eps": "differential",
    "layer_number": "layers",
    "temperature_length": "temperature.length",
    "temperature_scale": "temperature.scale",
    "temperature_offset": "temperature.offset",
    "activation_dropout": "dropout",
    "feed_forward_scale": "scale",
    "expert_count": "experts.count",
    "active_experts": "experts.active",
    "balance_loss": "experts.balance_loss",
    "expert_factor": "experts.factor",
    "expert_groups": "experts.groups.count",
    "active_groups": "experts.groups.active",
    "correction_rate": "experts.correction.rate",
    "shared_d_ff": "experts.shared.d_ff",
    "convolution_width": "width",
    "mixer_eps": "eps",
    "classes": "classifier.classes",
    "classifier_dropout": "classifier.dropout",
    "vector_width": "pooling.width",
    "embedding_width": "embedding.width",
    "segment_rows": "embedding.segments",
    "vocabulary": "vocabulary.size",
    "source_vocabulary": "vocabulary.source",
    "target_vocabulary": "vocabulary.target",
    "output_scale": "output.scale",
    "soft_cap": "output.soft_cap",
    "gain": "initialization.gain",
    "init_std": "initialization.std",
    "residual_additions": "initialization.kind",
    "base_width": "initialization.base_width",
    "position_offset": "position.offset",
    "max_length": "position.max_length",
    "rotary_base": "position.base",
    "rotary_width": "position.fraction",
    "rope_factor": "position.scaling.factor",
    "original_length": "position.scaling.original_length",
    "beta_fast": "position.scaling.beta_fast",
    "beta_slow": "position.scaling.beta_slow",
    "rotary_magnitude": "position.scaling.attention_factor",
    "buckets": "position.buckets",
    "max_distance": "position.max_distance",
    "encoder_layers": "encoder.layers",
    "decoder_layers": "decoder.layers",
    "encoder_distinct_layers": "encoder.layers",
    "decoder_distinct_layers": "decoder.layers",
}
"""The keys of settings whose numbers have another name in the IR."""


BESIDE = {
    **{"maps": "differential", "kv_maps": "differential", "layer_number": "differential"},
    "kv_heads": "heads",
    "residual_additions": "layers",
}
"""Settings that decide a number besides its own: one that it must differ from to be written, and
the layers whose additions it counts.
"""


def with_causes(model: Block, spec: Spec) -> Block:
    """Return a network, whose places have paths, with the causes of all its code.

    Blocks of one class have one code: it comes from the settings of all of them.
    """
    causes = _Causes(spec, model)
    own = {id(block): causes.of_block(block) for _, block in walk(model)}
    by_class = defaultdict[str, list[Block]](list)
    for _, block in walk(model):
        by_class[block.name].append(own[id(block)])
    joined = {name: _joined(blocks) for name, blocks in by_class.items()}
    return _rebuilt(model, joined)


def _rebuilt(block: Block, classes: dict[str, Block]) -> Block:
    """Return a block and those below it with the causes of their classes."""

    known = classes[block.name]
    assert isinstance(known.origin, Caused)
    of_parts = {name: _of_class(each, known, name, classes) for name, each in block.parts}

    def part(each: Op | Repeat | Block) -> Op | Repeat | Block:
        if isinstance(each, Repeat):
            return replace(each, block=_rebuilt(each.block, classes))
        return _rebuilt(each, classes) if isinstance(each, Block) else each

    return replace(
        block,
        parts=tuple((name, part(each)) for name, each in block.parts),
        functions=tuple(
            replace(mine, body=tuple(map(_with_origin, mine.body, theirs.body)))
            for mine, theirs in zip(block.functions, known.functions, strict=True)
        ),
        origin=replace(known.origin, parts=of_parts),
    )


def _of_class(
    part: Op | Repeat | Block, known: Block, name: str, classes: dict[str, Block]
) -> Caused:
    """Return the causes of a part; of a block, those of all blocks of its class, which it names."""
    assert isinstance(known.origin, Caused)
    origin = known.origin.parts[name]
    if isinstance(part, Op):
        return origin
    below = classes[(part.block if isinstance(part, Repeat) else part).name]
    return replace(origin, causes=united([causes_of(below.origin), origin.causes]))


def _with_origin(statement: Statement, known: Statement) -> Statement:
    return replace(statement, origin=known.origin)


def _joined(blocks: list[Block]) -> Block:
    """Return the first of the blocks of a class with the causes of all."""
    first = blocks[0]
    if len(blocks) == 1:
        return first
    functions = [
        replace(
            function,
            body=tuple(
                replace(statement, origin=_union([each.functions[f].body[s] for each in blocks]))
                for s, statement in enumerate(function.body)
            ),
        )
        for f, function in enumerate(first.functions)
    ]
    return replace(first, functions=tuple(functions), origin=_union(blocks))


def _union(several: list[Any]) -> Caused:
    """Return the origin of the first of several blocks or statements with the causes of all."""
    origins: list[Caused] = [each.origin for each in several]
    return _union_of(origins)


def _union_of(origins: list[Caused]) -> Caused:
    first = origins[0]
    return replace(
        first,
        causes=united(each.causes for each in origins),
        choices=united(each.choices for each in origins),
        parts={
            name: _union_of([each.parts[name] for each in origins if name in each.parts])
            for name in first.parts
        },
        numbers={
            name: united(each.numbers.get(name, ()) for each in origins)
            for name in {name for each in origins for name in each.numbers}
        },
    )


class _Causes:
    """The causes of a network's code in the complete spec, which is asked by paths."""

    def __init__(self, spec: Spec, model: Block) -> None:
        self.spec = spec
        self.numbers = self.of_numbers(model)
        self.named = self.of_names()
        self.given = self.of_inputs(model)

    def of_names(self) -> dict[str, Paths]:
        """Return the settings of the numbers of each name: they decide what the code calls it."""
        found = defaultdict[str, list[Paths]](list)
        for number, paths in self.numbers.items():
            found[number.name].append(paths)
        return {name: united(several) for name, several in found.items()}

    def of_inputs(self, model: Block) -> dict[str, Paths]:
        """Return the settings of what a model makes once and hands down, under its names."""
        found = defaultdict[str, list[Paths]](list)
        found["segments"].append(("model.embedding.segments",))
        for function in model.functions:
            for each in function.body:
                for key in each.op.chosen_by if isinstance(each.op, Op) else ():
                    for result in each.results:
                        found[shown(result)].append(self.closest(key, each.origin, model))
        return {name: united(several) for name, several in found.items() if name != "_"}

    def of_numbers(self, model: Block) -> dict[Hyperparameter, Paths]:
        """Return the settings of each number of a model, equal ones under one name together."""
        found = defaultdict[Hyperparameter, list[Paths]](list)
        for _, block in walk(model):
            for origin, op in self.uses(block):
                for number in inside(op):
                    for each in (number, *of_formula(number)):
                        found[each].append(self.leaf(each, origin, block))
            for _, part in block.parts:
                if isinstance(part, Repeat):
                    for number in (part.count, part.held):
                        found[number].append(self.of_repeat(number, part, block))
        return {number: united(several) for number, several in found.items()}

    def of_block(self, block: Block) -> Block:
        """Return the block with the causes of its own statements, parts and numbers."""
        functions = tuple(
            replace(each, body=tuple(self.statement(block, one) for one in each.body))
            for each in block.functions
        )
        return replace(
            block,
            functions=functions,
            origin=self.caused(
                block.origin,
                united([self.section(block.origin), *self.names(block.origin)]),
                parts={name: self.part(block, name, part) for name, part in block.parts},
                inputs=self.given,
                numbers={
                    each.name: united([self.numbers[each], self.named[each.name]])
                    for number in own_numbers(block)
                    for each in (number, *of_formula(number))
                },
            ),
        )

    def uses(self, block: Block) -> Iterator[tuple[Span, Op]]:
        """Yield the ops of a block with the places that they were lowered from."""
        for function in block.functions:
            for each in function.body:
                if isinstance(each.op, Op):
                    yield each.origin, each.op
        for name, part in block.parts:
            if isinstance(part, Op):
                yield self.origin_of_part(block, name), part

    def statement(self, block: Block, statement: Statement) -> Statement:
        """Return a statement with its causes."""
        if isinstance(statement.op, Invoke):
            below = callee(block, statement)
            called = self.section(block.origin if below is block else below.origin)
            given = united(self.given.get(shown(each), ()) for each in statement.inputs)
            names = self.names(block.origin)
            causes = united([called, self.section(statement.origin), given, *names])
            return replace(statement, origin=self.caused(statement.origin, causes))
        code = code_of(statement, statement.op)
        return replace(statement, origin=self.of_op(statement.origin, statement.op, block, code))

    def part(self, block: Block, name: str, part: Op | Repeat | Block) -> Caused:
        """Return the place of a part with its causes."""
        if isinstance(part, Op):
            origin = self.origin_of_part(block, name)
            return self.of_op(origin, part, block, part.module(), is_made=True)
        if isinstance(part, Repeat):
            above = self.section(block.origin)
            return self.caused(part.block.origin, united([self.section(part.block.origin), above]))
        return self.caused(part.origin, self.section(part.origin))

    def origin_of_part(self, block: Block, name: str) -> Span:
        """Return the place of the first statement that uses a part, or of its block."""
        bodies = (each.body for each in block.functions)
        used = (each.origin for body in bodies for each in body if each.part == name)
        return next(used, block.origin)

    def of_op(
        self, origin: Span, op: Op, block: Block, code: Expression, *, is_made: bool = False
    ) -> Caused:
        """Return a place with the causes of an op there, which is written as `code`.

        `is_made` says that the code makes its module, and does not call it.
        """
        keys = (*op.chosen_by, *(op.made_by if is_made else ()))
        chosen = united(self.closest(key, origin, block) for key in keys)
        if {"mask", "position"} & {*keys}:  # its name tells the kinds of layers apart
            chosen = united([chosen, self.kinds(origin)])
        widths = self.widths(origin)
        sections = united([self.section(origin), self.section(block.origin), widths])
        numbers = self.of_numbers_in(op, code)
        asked = numbers
        if op.made_by and is_made and isinstance(code, Call):  # all calls give sizes, not keywords
            asked = self.of_numbers_in(tuple(value for _, value in code.keywords), code)
        closest = tuple(each for each in asked if each != "model.d_model")
        helped = united([closest, chosen, sections if chosen or not closest else ()])
        return self.caused(origin, united([numbers, chosen, sections]), choices=helped)

    def of_numbers_in(self, value: object, code: Expression) -> Paths:
        """Return the settings of the numbers in an op or in arguments, which is written as `code`.

        What is not written, or belongs to a section that the op is for, stands for that section.
        """
        written = {each for each in parts(code) if isinstance(each, Hyperparameter)}
        own, whole = list[Paths](), list[Paths]()
        for number in inside(value):
            for path in self.numbers[number]:
                if "." in KEYS.get(number.name, ""):
                    whole.append((path.rpartition(".")[0],))
            if number in written:
                named = united([self.numbers[number], self.named[number.name]])
                own.append(tuple(each for each in named if "." not in KEYS.get(number.name, "")))
        return united([*whole, *own])

    def leaf(self, number: Hyperparameter, origin: Span, block: Block) -> Paths:
        """Return the setting of a number, and the one that decides it besides."""
        keys = (KEYS.get(number.name, number.name), BESIDE.get(number.name))
        return united(self.closest(key, origin, block) for key in keys if key)

    def of_repeat(self, number: Hyperparameter, part: Repeat, block: Block) -> Paths:
        """Return the setting that says how many blocks there are."""
        key = KEYS.get(number.name)
        return (f"model.{key}",) if key else self.leaf(number, part.block.origin, block)

    def closest(self, key: str, origin: Span, block: Block) -> Paths:
        """Return the setting of a key that is closest to a place, or else to its block."""
        for start in (origin, block.origin):
            above = start.path.split(".") if isinstance(start, SettingSpan) else []
            while above:
                path = ".".join((*above, key))
                if self.value(path) is not None and (len(above) > 1 or start is block.origin):
                    return (path,)
                above.pop()
        path = f"model.{key}"
        return (path,) if self.value(path) is not None else ()

    def section(self, origin: Span) -> Paths:
        """Return the section that something was lowered from; none for the whole model."""
        path = origin.path if isinstance(origin, SettingSpan) else ""
        while "." in path and not isinstance(self.value(path), BaseModel):
            path = path.rpartition(".")[0]
        return (path,) if path and path != "model" else ()

    def kinds(self, origin: Span) -> Paths:
        """Return the layers of a stack, if they are of several kinds: names tell them apart."""
        path = origin.path if isinstance(origin, SettingSpan) else ""
        layers = ".".join(path.split(".")[:3])
        found = self.value(layers) if layers.endswith(".layers") else None
        return (layers,) if isinstance(found, list) and len(found) > 1 else ()

    def widths(self, origin: Span) -> Paths:
        """Return the widths that stacks have of their own: names tell parts of stacks apart where
        the widths differ, and no others.
        """
        path = origin.path if isinstance(origin, SettingSpan) else ""
        is_told_apart = self.spec.model.has_two_widths and path.count(".")
        own = (f"model.{name}.d_model" for name, stack in self.spec.model.stacks() if stack.d_model)
        return tuple(own) if is_told_apart else ()

    def names(self, origin: Span) -> tuple[Paths, ...]:
        """Return the settings by which a class has a name other than those of its kind."""
        return self.kinds(origin), self.widths(origin)

    def value(self, path: str) -> object:
        """Return the value of the setting at a path; None if there is none."""
        return value_at(self.spec, path)

    def caused(self, origin: Span, causes: Iterable[str], **others: Any) -> Caused:
        """Return a place with causes."""
        path = origin.path if isinstance(origin, SettingSpan) else ""
        return Caused(**fields_of(origin), path=path, causes=tuple(causes), **others)
