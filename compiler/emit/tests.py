"""`test_model.py`: what the compiler has proved, tried on the real network."""

from collections.abc import Container, Iterator
from math import gcd

from compiler.analysis.cost import count_parameters
from compiler.analysis.refusals import why_not_packed
from compiler.emit.helpers import Helpers
from compiler.emit.imports import as_imported
from compiler.emit.layout import docstring, lay, signature
from compiler.emit.marks import marker
from compiler.emit.predicates import plain_predicate
from compiler.emit.template import fill
from compiler.ir.block import Block, walk
from compiler.lower.embedding import table_names
from compiler.mask.mask import CAUSAL, Mask
from compiler.ops.expression import Name, Tuple
from compiler.ops.op import Op
from compiler.spec.spec import Spec
from compiler.spec.tasks import ATTENTIONS
from compiler.transforms.derive_weights import attentions

USUAL, PADDING = {"source": 7, "target": 9, "tokens": 9}, 4
DECODED = ("target", "tokens")
"""The names of a stream that is read position by position."""
LARGEST_EDGE = 512
"""Masks with larger numbers are tried within this."""


def tests_text(spec: Spec, model: Block, helpers: Helpers) -> str:
    """Return the file. Its texts are longer than twice any number of a mask and any chunk."""
    found, others = attentions(model), mixers(model)
    edges = sorted(
        {edge for _, ops in found.values() for op in ops for edge in _edges(op)}
        | {edge for mask in others.values() for edge in mask.numbers if edge <= LARGEST_EDGE}
        | {edge for op in _ops_of(model, others) for edge in op.boundaries()}
    )
    longest, padding = _longest(spec)
    head = f"{spec.name}: tests of the network, with torch and pytest alone. Written by specformer."
    streams = [each.name for each in model.function("features").inputs]
    texts = [each for each in streams if each != "segments"]
    rows, outputs = _rows(spec, streams), _outputs(spec, texts)
    names = ["D_MODEL", "PADDING", *rows.values(), outputs, *found, *others, "Transformer"]
    names += ["merge_heads"] if found else []
    apart = spec.model.documents == "apart"
    names += ["BEGIN"] if apart else []
    names += ["ENCODER_D_MODEL"] if spec.model.has_two_widths else []

    def define(name: str, *others: str, result: str = "None") -> str:
        """Return the `def` of a test that takes the model and its texts."""
        declared = ["model: Transformer", *(f"{each}: Tensor" for each in streams), *others]
        return "\n".join(signature(name, declared, result, 0))

    return fill(
        "test_model.py.jinja",
        docstring="\n".join(docstring([head], 0)),
        imported=as_imported(names),
        define=define,
        streams=streams,
        texts=texts,
        rows=rows,
        has_two_widths=spec.model.has_two_widths,
        outputs=outputs,
        grouped=any(op.is_grouped for _, ops in found.values() for op in ops),
        differs=any(op.value_heads for _, ops in found.values() for op in ops),
        gates=any("gate" in dict(block.parts) for block, _ in found.values()),
        balance=_inputs(model, "balance_loss"),
        has_experts="experts" in {name for _, block in walk(model) for name, _ in block.parts},
        corrects="correction" in {name for _, block in walk(model) for name, _ in block.parts},
        pools=spec.model.is_pooled,
        embeds=spec.model.pooling is not None,
        normalized=spec.model.pooling is not None and spec.model.pooling.normalize,
        packs=why_not_packed(model) is None,
        apart=apart,
        decoded=next((each for each in streams if each in DECODED), ""),
        sizes={each: "LENGTH" if each == "tokens" else each.upper() for each in texts},
        target_embedding=table_names(spec.model).get("target", ""),
        parameters=count_parameters(model),
        lengths={each: min(_length(USUAL[each], edges), longest - padding) for each in texts},
        padding=padding,
        edges=f"({', '.join(map(str, edges))}{',' if len(edges) == 1 else ''})",
        masks=dict.fromkeys(plain_predicate(op.reads) for _, ops in found.values() for op in ops),
        reads=[
            line
            for name, (_, ops) in found.items()
            for line in _reads(name, [(int(op.heads.value), op.reads.name) for op in ops])
        ],
        crosses=[name for name, (block, _) in found.items() if _reads_memory(block)],
        at=_marks(spec, model),
        random=sorted(helpers.texts.keys() & {"dropout", "stochastic_depth"}),
        mixers=[(name, mask == mask & CAUSAL) for name, mask in others.items()],
        endless=[name for name, mask in others.items() if _has_kernels(model, name, mask)],
    )


def _marks(spec: Spec, model: Block) -> dict[str, str]:
    """Return the marks of the parts of the file: the settings that each test comes from."""
    of = marker(model.origin)
    stacks = dict(spec.model.stacks())
    groups = [
        (f"model.{name}.layers.{number}", group)
        for name, stack in stacks.items()
        for number, group in enumerate(stack.layers)
    ]
    masks = [
        f"{place}.{name}.mask"
        for place, group in groups
        for name in group.sub_layers
        if name in ATTENTIONS
    ]
    edges = [*masks, *(f"{place}.position" for place, _ in groups)]
    mixers = [f"{place}.{name}" for place, group in groups for name in group.mixers]
    whole = [f"model.{name}" for name in stacks]
    segments = ["model.embedding.segments"] if spec.model.embedding.segments else []
    bias = ["model.output"] if spec.model.output.bias else []
    dropped = [f"{place}.{key}" for place, _ in groups for key in ("dropout", "stochastic_depth")]
    dropped += [
        f"{place}.{name}.dropout"
        for place, group in groups
        for name in group.sub_layers
        if name not in group.mixers
    ]
    dropped += ["model.dropout", *(["model.classifier.dropout"] if spec.model.classifier else [])]
    widths = [f"model.{name}.d_model" for name, stack in stacks.items() if stack.d_model]
    return {
        "task": of("task", *segments),
        "texts": of("task", "model.vocabulary", *segments),
        "vocabulary": of("model.vocabulary"),
        "apart": of("model.documents"),
        "masks": of(*(masks or mixers or whole)),
        "mixers": of(*mixers),
        "edges": of(*edges),
        "widths": of("model.d_model", *widths),
        "lengths": of("task", *edges, *(mixers or whole[:0])),
        "blocks": of(*(place for place, _ in groups)),
        "pooled": of("model.pooling"),
        "decoder": of(*whole[-1:], "model.embedding.tied"),
        "dropped": of(*dropped),
        "packed": of("training.batching", "model.kernel", *(place for place, _ in groups)),
        "sizes": of(*whole, "model.vocabulary", *bias, "model.embedding", "model.d_model"),
    }


def _reads(name: str, groups: list[tuple[int, str]]) -> list[str]:
    """Return an entry of the table of mask functions, which share the heads evenly, in order."""
    least = gcd(*(heads for heads, _ in groups))
    shared = [Name(reads) for heads, reads in groups for _ in range(heads // least)]
    if len(set(shared)) == 1:
        return [f"    {name}: ({shared[0].text},),"]
    *lines, last = lay(f"{name}: ", Tuple(tuple(shared)), lambda number: number.name, 1)
    return [*lines, f"{last},"]


def _reads_memory(block: Block) -> bool:
    """Return whether an attention reads the output of the encoder."""
    return any(each.name == "memory" for each in block.function("forward").inputs)


def mixers(model: Block) -> dict[str, Mask]:
    """Return the classes in which positions meet without attention, with what they may read."""
    found: dict[str, Mask] = {}
    attending = attentions(model)
    for _, block in walk(model):
        if block.name in attending or not block.has("forward"):
            continue
        ops = (each.op for each in block.function("forward").body)
        for mask in (op.mask for op in ops if isinstance(op, Op) and op.mask):
            found[block.name] = found.get(block.name, mask) | mask
    return found


def _ops_of(model: Block, classes: Container[str]) -> Iterator[Op]:
    """Yield the ops that the forward passes of some classes apply."""
    for _, block in walk(model):
        if block.name in classes:
            ops = (each.op for each in block.function("forward").body)
            yield from (op for op in ops if isinstance(op, Op))


def _has_kernels(model: Block, name: str, mask: Mask) -> bool:
    """Return whether a class reads all earlier positions, and some by a convolution besides."""
    (block, *_) = (each for _, each in walk(model) if each.name == name)
    masks = [each.mask for _, each in block.parts if isinstance(each, Op) and each.mask]
    return mask & CAUSAL == CAUSAL and any(each & CAUSAL != CAUSAL for each in masks)


def _inputs(model: Block, function: str) -> list[str]:
    """Return the names of the inputs of a function of the network, if there is one."""
    return [each.name for each in model.function(function).inputs] if model.has(function) else []


def _rows(spec: Spec, streams: list[str]) -> dict[str, str]:
    """Return the constant that holds the rows of each text's vocabulary."""
    shared = spec.model.vocabulary.shared
    rows = {each: "VOCABULARY" if shared else f"{each.upper()}_VOCABULARY" for each in streams}
    return rows | ({"segments": "SEGMENT_ROWS"} if "segments" in rows else {})


def _outputs(spec: Spec, texts: list[str]) -> str:
    """Return the constant that holds the number of outputs."""
    if spec.model.pooling:
        return "VECTOR_WIDTH" if spec.model.pooling.width else "D_MODEL"
    return "CLASSES" if spec.model.classifier else _rows(spec, texts)[texts[-1]]


def _edges(op: Op) -> list[int]:
    """Return distances at which an attention may go wrong."""
    numbers = op.mask.numbers if op.mask else ()
    return [edge for edge in (*numbers, *op.boundaries()) if edge <= LARGEST_EDGE]


def _length(usual: int, edges: list[int]) -> int:
    """Return the length of a text in which a third chunk begins."""
    return max([usual, *(2 * edge + usual for edge in edges)])


def _longest(spec: Spec) -> tuple[int, int]:
    """Return the number of positions that there are, and how many to fill with padding."""
    longest = spec.model.positions or 2**20
    return longest, min(PADDING, longest // 4)
