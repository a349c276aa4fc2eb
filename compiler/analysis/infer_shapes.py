"""The shapes of all values of a function, from those of its inputs and the rules of the ops."""

from compiler.ir.block import Block, Function, Invoke, Statement, callee, walk
from compiler.ir.verify import CompilerBug
from compiler.ops.shape import Free, Shape, ShapeError, same, words

Shapes = dict[str, Shape]
Known = dict[tuple[int, str], tuple[Shape, ...]]
"""The shapes of the results of functions, under the `id` of the block and the function's name."""
ANY = Free("...")


def infer_shapes(model: Block) -> Block:
    """Return the model unchanged; raises `CompilerBug` for an op or a call with a wrong input."""
    known: Known = {}
    for path, block in walk(model):
        for function in block.functions:
            try:
                output_shapes(block, function, known)
            except ShapeError as error:
                where = f"{path or block.name}.{function.name}"
                raise CompilerBug(f"compiler bug in shapes of {where}: {error}") from error
    return model


def shapes_of(block: Block, function: Function, known: Known | None = None) -> Shapes:
    """Return the shape of each value in the body of a function of `block`.

    Functions below that are `known` are not inferred again; those that are inferred become known.
    """
    known = {} if known is None else known
    shapes: Shapes = {each.name: each.shape for each in function.inputs}
    for statement in function.body:
        inputs = tuple(shapes[each] for each in statement.inputs)
        shapes.update(
            zip(statement.results, _results(block, statement, inputs, known), strict=True)
        )
    return shapes


def output_shapes(
    block: Block, function: Function, known: Known | None = None
) -> tuple[Shape, ...]:
    """Return the shapes of the results of a function; see `shapes_of`."""
    known = {} if known is None else known
    key = id(block), function.name
    if key not in known:
        shapes = shapes_of(block, function, known)
        known[key] = tuple(shapes[each] for each in function.outputs)
    return known[key]


def _results(
    block: Block, statement: Statement, inputs: tuple[Shape, ...], known: Known
) -> tuple[Shape, ...]:
    if not isinstance(statement.op, Invoke):
        return statement.op.shape(inputs)
    below = callee(block, statement)
    function = below.function(statement.op.function)
    meaning = bind(tuple(each.shape for each in function.inputs), inputs)
    return tuple(_substitute(shape, meaning) for shape in output_shapes(below, function, known))


def bind(declared: tuple[Shape, ...], given: tuple[Shape, ...]) -> dict[Free, Shape]:
    """Match declared shapes with given ones: the sizes of free dimensions; `...` takes several."""
    meaning: dict[Free, Shape] = {}
    for wanted, shape in zip(declared, given, strict=True):
        taken = len(shape) - len(wanted) + 1 if ANY in wanted else 1
        dimensions = [shape[:taken], *((each,) for each in shape[taken:])]
        if len(dimensions) != len(wanted) and wanted:
            raise ShapeError(f"expected {words(wanted)}, got {words(shape)}")
        for one, others in zip(wanted, dimensions, strict=False):
            if isinstance(one, Free) and meaning.setdefault(one, others) == others:
                continue
            if isinstance(one, Free) or len(others) != 1 or not same(one, others[0]):
                raise ShapeError(f"expected {words(wanted)}, got {words(shape)}")
    return meaning


def _substitute(shape: Shape, meaning: dict[Free, Shape]) -> Shape:
    return tuple(
        dimension
        for each in shape
        for dimension in (meaning.get(each, (each,)) if isinstance(each, Free) else (each,))
    )
