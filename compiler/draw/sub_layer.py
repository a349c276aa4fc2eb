"""A sub-layer as one box: its title, what it is made of, and the masks of its heads."""

from collections.abc import Iterator

from compiler.analysis.cost import count_parameters
from compiler.draw.diagram import MaskLabel, Node
from compiler.ir.block import Block, Function, Repeat
from compiler.ops.caption import spaced
from compiler.ops.op import Op
from compiler.ops.shape import size


def describe(block: Block, function: Function, id: str, path: str) -> Node:
    """Return the node of a block."""
    ops = [each.op for each in function.body if isinstance(each.op, Op)]
    mixing = [op for op in ops if op.mask is not None]
    count = count_parameters(block)
    repeats = [part for _, part in block.parts if isinstance(part, Repeat)]
    captions = [op.caption for op in mixing]
    title = captions[0].block or captions[0].title if captions else spaced(block.names[0])
    return Node(
        id=id,
        kind=captions[0].kind if captions else "network",
        title=title,
        lines=tuple(_lines(block, function)),
        masks=tuple(_masks(mixing)),
        parameters=count,
        times=max((int(each.count.value) for each in repeats), default=1),
        facts=(("parameters", f"{count:,}"), ("in the code", path)),
    )


def _masks(mixing: list[Op]) -> Iterator[MaskLabel]:
    for op in mixing:
        assert op.mask is not None
        yield MaskLabel(mask=op.mask, heads=op.caption.words if len(mixing) > 1 else "")


def _lines(block: Block, function: Function) -> Iterator[str]:
    """Yield what the ops say; the widths of linear maps in a row, where nothing else is said."""
    ops = [each.op for each in function.body if isinstance(each.op, Op)]
    mixing = [op for op in ops if op.mask is not None]
    repeats = [part.block for _, part in block.parts if isinstance(part, Repeat)]
    if not mixing and not repeats:
        width = size(function.inputs[0].shape[-1], {})
        chain = (op.caption.words for op in ops if op.caption.kind == "linear")
        yield " ".join((str(width), *chain))
    if len(mixing) == 1:
        yield mixing[0].caption.words
    if said := list(dict.fromkeys(_said(function))):
        yield ", ".join(said)
    for inner in repeats:
        yield "each " + ", ".join(_lines(inner, inner.function("forward")))


def _said(function: Function) -> Iterator[str]:
    """Yield what the ops say by which no positions meet, and what their norms are of."""
    of_queries = _behind_queries(function)
    for statement in function.body:
        if not isinstance(statement.op, Op) or statement.op.mask is not None:
            continue
        caption = statement.op.caption
        if caption.kind == "norm":
            is_of_queries = statement.results[0] in of_queries
            yield caption.title + (" of queries and keys" if is_of_queries else "")
        elif caption.kind != "linear" and caption.words:
            yield caption.words


def _behind_queries(function: Function) -> set[str]:
    """Return the values from which queries and keys of an attention are made, and not values."""
    for statement in function.body:
        if isinstance(statement.op, Op) and statement.op.caption.kind == "attention":
            query, key, value = (_behind(function, each) for each in statement.inputs[:3])
            return (query | key) - value
    return set()


def _behind(function: Function, name: str) -> set[str]:
    """Return a value's name and the names of all values that it is computed from."""
    found = {name}
    for statement in reversed(function.body):
        if found & {*statement.results}:
            found |= {*statement.inputs}
    return found


def heads_of(function: Function) -> list[int]:
    """Return, for each input, how many inputs of the op by which positions meet it leads to."""
    leads = {each.name: {each.name} for each in function.inputs}
    found: dict[str, int] = {}
    for statement in function.body:
        read = [leads.get(each, set()) for each in statement.inputs]
        for result in statement.results:
            leads[result] = set().union(*read)
        if isinstance(statement.op, Op) and statement.op.mask is not None and not found:
            for each in function.inputs:
                found[each.name] = sum(each.name in names for names in read[:3])
    return [max(1, found.get(each.name, 1)) for each in function.inputs]
