"""The shapes of all values of a function, from those of its inputs and the rules of the ops."""

from compiler.ir.block import Block, Function, Invoke, Statement, callee, walk
from compiler.ir.verify import CompilerBug
from compiler.ops.shape import Free, Shape, ShapeError, same, words

Shapes = dict[str, Shape]
ANY = Free("...")


def infer_shapes(model: Block) -> Block:
    """Return the model unchanged; raises `CompilerBug` for an op or a call with a wrong input."""
    for path, block in walk(model):
        for function in block.functions:
            try:
                shapes_of(block, function)
            except ShapeError as error:
                where = f"{path or block.name}.{function.name}"
                raise CompilerBug(f"compiler bug in shapes of {where}: {error}") from error
    return model


def shapes_of(block: Block, function: Function) -> Shapes:
    """Return the shape of each value in the body of a function of `block`."""
    shapes: Shapes = {each.name: each.shape for each in function.inputs}
    for statement in function.body:
        inputs = tuple(shapes[each] for each in statement.inputs)
        shapes.update(zip(statement.results, _results(block, statement, inputs), strict=True))
    return shapes


def output_shapes(block: Block, function: Function) -> tuple[Shape, ...]:
    """Return the shapes of the results of a function."""
    shapes = shapes_of(block, function)
    return tuple(shapes[each] for each in function.outputs)


def _results(block: Block, statement: Statement, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
    if not isinstance(statement.op, Invoke):
        return statement.op.shape(inputs)
    below = callee(block, statement)
    function = below.function(statement.op.function)
    meaning = bind(tuple(each.shape for each in function.inputs), inputs)
    return tuple(_substitute(shape, meaning) for shape in output_shapes(below, function))


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
