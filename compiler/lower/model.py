"""Lowers `model:` to the root of the IR (Vaswani et al. 2017, section 3)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import reduce

from compiler.ir.block import Block, Function, Input
from compiler.ir.build import Body
from compiler.lower.deep_norm import lower_deep_norm
from compiler.lower.embedding import Embeddings, logits, lower_embeddings, rows_of, table_names
from compiler.lower.head import Head, lower_head
from compiler.lower.initialization import lower_initialization, residual_gain
from compiler.lower.settings import Context, checked
from compiler.lower.stack import lower_stack
from compiler.ops.elementwise import Add
from compiler.ops.experts import LoadBalancingLoss
from compiler.ops.expression import Hyperparameter
from compiler.ops.op import Op
from compiler.ops.shape import BATCH, SOURCE, TARGET, Free
from compiler.source.span import Span
from compiler.spec.model import Model
from compiler.spec.spec import Spec
from compiler.spec.tasks import SIDES

TOKENS = {
    "encoder": Input(name="source", shape=(BATCH, SOURCE)),
    "decoder": Input(name="target", shape=(BATCH, TARGET)),
}
SEGMENTS = Input(name="segments", shape=(BATCH, SOURCE))


def lower(spec: Spec, origin: Callable[[str], Span]) -> Block:
    """The network of a complete spec; `origin` tells where the setting at a path was written."""
    model, origin = spec.model, checked(origin, spec)
    contexts = _contexts(model, origin)
    lowering = _Lowering(
        model=model,
        embeddings=lower_embeddings(model, contexts),
        head=lower_head(model, _last(contexts)),
        contexts=contexts,
    )
    return Block(
        names=("Transformer",),
        summary=_summary(model),
        parts=tuple(lowering.parts()),
        functions=tuple(lowering.functions()),
        closed=True,
        origin=origin("task"),
    )


def _contexts(model: Model, origin: Callable[[str], Span]) -> dict[str, Context]:
    """Return the context of the lowering of each stack."""
    widths, contexts = _widths(model), {}
    for name, settings in model.stacks():
        contexts[name] = Context(
            stack=name,
            table=table_names(model)[SIDES[name]],
            rows=rows_of(model, SIDES[name]),
            widths=widths,
            initials=lower_initialization(model.initialization, widths[name]),
            origin=origin,
            deep_norm=lower_deep_norm(model, name),
            residual_gain=residual_gain(model.initialization, settings),
            prefers_flex=model.kernel == "flex",
            apart=model.documents == "apart",
        )
    return contexts


def _last(contexts: dict[str, Context]) -> Context:
    """Return the context of the stack whose output is projected."""
    return list(contexts.values())[-1]


def _widths(model: Model) -> dict[str, Hyperparameter]:
    """Return the widths of the residual streams, under two names where they differ."""
    own = {"encoder": "encoder_d_model"} if model.has_two_widths else {}
    return {
        name: Hyperparameter(own.get(name, "d_model"), model.width(name))
        for name, _ in model.stacks()
    }


_TIED = {
    "all": "one table embeds source and target and projects to tokens",
    "target": "one table embeds the target and projects to tokens",
    "none": "source, target and output have tables of their own",
}


def _summary(model: Model) -> str:
    tied = model.embedding.tied
    if model.encoder is not None and model.decoder is not None:
        return f"Encoder and decoder; {_TIED[tied]}."
    stack = "Encoder" if model.decoder is None else "Decoder"
    if model.classifier is not None:
        return f"{stack} and a projection to classes."
    if model.pooling is not None:
        return f"{stack}, whose output becomes one vector for a text."
    one = "one table embeds tokens and projects to them"
    return f"{stack}; {one if tied == 'all' else 'tokens and output have tables of their own'}."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lowering:
    """The whole network on its way to a block."""

    model: Model
    embeddings: Embeddings
    head: Head | None
    contexts: dict[str, Context]

    @property
    def context(self) -> Context:
        """The context of the stack whose output is projected."""
        return _last(self.contexts)

    @property
    def is_projected(self) -> bool:
        """True if features become logits."""
        return self.model.pooling is None

    def parts(self) -> Iterator[tuple[str, Op | Block]]:
        """Tables, stacks, and what stands between the last stack and the output."""
        yield from self.embeddings.parts()
        for name, settings in self.model.stacks():
            yield name, lower_stack(settings, name, self.contexts[name])
        if self.head is not None:
            yield from self.head.parts

    def functions(self) -> Iterator[Function]:
        """Yield the functions that the runtime calls, by the stacks that there are."""
        stacks = dict(self.model.stacks())
        given_to = tuple(each for name in stacks for each in self.tokens(name))
        yield self.forward(given_to)
        if "encoder" in stacks:
            yield self.encode()
        yield self.decode(given_to) if "decoder" in stacks else self.read(given_to)
        if self.is_projected:
            yield self.project()
        if balanced := [name for name, stack in stacks.items() if stack.is_balanced]:
            yield self.balance_loss(balanced)

    def tokens(self, stack: str) -> tuple[Input, ...]:
        """Return the inputs of a stack: its text, and the segment of each token."""
        has_segments = stack == "encoder" and self.model.embedding.segments is not None
        return (TOKENS[stack], SEGMENTS) if has_segments else (TOKENS[stack],)

    def forward(self, tokens: tuple[Input, ...]) -> Function:
        body = Body(self.context.origin("task"))
        features = body.invoke("", *(each.name for each in tokens), function="features")
        if not self.is_projected:
            return body.function("forward", tokens, features)
        return body.function("forward", tokens, body.invoke("", features, function="project"))

    def encode(self) -> Function:
        body = Body(self.context.origin("model.encoder"))
        x = self.embeddings.embed(body, "source", self.contexts["encoder"])
        memory = body.invoke("encoder", x)
        return body.function("encode", self.tokens("encoder"), memory)

    def decode(self, tokens: tuple[Input, ...]) -> Function:
        """Features of the target, of which a position reads the earlier ones."""
        body, memory = Body(self.context.origin("model.decoder")), tuple[str, ...]()
        if len(tokens) == 2:
            memory = (body.invoke("", "source", function="encode", name="memory"),)
        x = self.embeddings.embed(body, "target", self.contexts["decoder"])
        return body.function("features", tokens, body.invoke("decoder", x, *memory))

    def read(self, tokens: tuple[Input, ...]) -> Function:
        """Features of the source, of which a position may read all, and what follows of them."""
        heads = ("prediction", "classifier", "pooling")
        made = next((each for each in heads if getattr(self.model, each) is not None), "encoder")
        body = Body(self.context.origin(f"model.{made}"))
        names = (each.name for each in tokens)
        memory = body.invoke("", *names, function="encode", name="x")
        features = memory if self.head is None else self.head.features(body, memory)
        return body.function("features", tokens, features)

    def project(self) -> Function:
        body = Body(self.context.origin("model.output"))
        features = Input(name="features", shape=(Free("..."), self.context.d_model))
        if self.head is not None and self.head.output is not None:
            part, op = self.head.output
            body = body.at(self.context.origin("model.classifier"))
            return body.function("project", (features,), body.apply(op, "features", part=part))
        result = logits(body, self.model, self.embeddings, self.context)
        return body.function("project", (features,), result)

    def balance_loss(self, stacks: list[str]) -> Function:
        """Return the function of the term that stacks with experts add to the loss in training."""
        body, losses = Body(self.context.origin("task")), list[str]()
        for name in stacks:
            own = body.at(self.context.origin(f"model.{name}"))
            losses.append(own.apply(LoadBalancingLoss(), TOKENS[name].name, part=name))
        total = reduce(lambda one, other: body.apply(Add(), one, other), losses)
        function = body.function("balance_loss", tuple(TOKENS[name] for name in stacks), total)
        note = (
            "Compute the loss for uneven use of experts, once, right after `features` in training."
        )
        return replace(function, note=note)
