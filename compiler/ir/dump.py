"""The IR as text: for tests, for `explain --ir`, for people."""

from compiler.ir.block import Block, Function, Invoke, Repeat, Statement
from compiler.ops.shape import words


def dump(block: Block, name: str = "model", depth: int = 0) -> str:
    """The tree of blocks with their parts and functions."""
    indent = "  " * depth
    lines = [f"{indent}{name}: {block.name}"]
    for part_name, part in block.parts:
        if isinstance(part, Block):
            lines.append(dump(part, part_name, depth + 1))
        elif isinstance(part, Repeat):
            lines.append(dump(part.block, f"{part_name} x {part.count.value}", depth + 1))
        else:
            shapes = ", ".join(f"{each.name} {words(each.shape)}" for each in part.parameters())
            lines.append(f"{indent}  {part_name}: {type(part).__name__} ({shapes})")
    lines += [line for each in block.functions for line in _function(each, indent + "  ")]
    return "\n".join(lines)


def _function(function: Function, indent: str) -> list[str]:
    inputs = ", ".join(
        f"{each.name} {_type(each.annotation, words(each.shape))}" for each in function.inputs
    )
    body = [f"{indent}  {_statement(statement)}" for statement in function.body]
    return [
        f"{indent}{function.name}({inputs}):",
        *body,
        f"{indent}  return {', '.join(function.outputs)}",
    ]


def _type(annotation: str, shape: str) -> str:
    return shape if annotation == "Tensor" else annotation


def _statement(statement: Statement) -> str:
    op = statement.op
    name = op.function if isinstance(op, Invoke) else type(op).__name__
    target = f"{statement.part}.{name}" if statement.part else name
    made = f"{', '.join(statement.results)} = " if statement.results else ""
    return f"{made}{target}({', '.join(statement.inputs)})"
