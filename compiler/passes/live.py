"""Leaving out what nobody reads."""

from collections.abc import Iterable

from compiler.ir.block import Statement


def live(statements: Iterable[Statement], needed: Iterable[str]) -> list[Statement]:
    """The statements of which something is needed, in order."""
    wanted, kept = set(needed), list[Statement]()
    for statement in reversed(list(statements)):
        if wanted.intersection(statement.results):
            kept.insert(0, statement)
            wanted.update(statement.inputs)
    return kept
