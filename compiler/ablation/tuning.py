"""The setting that each row of an ablation chooses for itself, by short runs beforehand."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from compiler.ablation.columns import Column
from compiler.ablation.file import LONGEST_NAME
from compiler.ablation.settings import dotted, leaves, setting, settings, word_of
from compiler.source.diagnostic import Diagnostic, Rejected, mistake
from compiler.source.node import Mapping as MappingNode
from compiler.source.node import Node, Scalar, Sequence
from compiler.source.span import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """The setting `key`, the values among which rows choose, and the score that decides."""

    key: str
    place: Span
    by: Column
    by_place: Span
    values: tuple[Node, ...]
    """The values of rows that have none of their own."""
    changes: tuple[MappingNode, ...]
    """The settings of the short runs."""

    def change(self, value: Node) -> MappingNode:
        """Return the tree with one value of the setting."""
        return setting(self.key, self.place, value)

    def name(self, row: str, value: Node) -> str:
        """Return the name of a row's short run with a value; raises `Rejected` if it is too long.

        A value that is no number or word has no name, which `Rejected` says, too.
        """
        name = f"{row}-{word_of(value, 'a value to choose from', 'leave it out')}"
        if len(name) > LONGEST_NAME:
            message = f"the short run of a row is called after both, and `{name}` is too long"
            help = f"give the row a name with which it has at most {LONGEST_NAME} characters"
            raise Rejected([mistake(value.span, "bad-value", message, help)])
        return name


def read_tuning(root: MappingNode, by: Column) -> Tuning | None:
    """Return what a file says of `tune:`, if it does; raises `Rejected`."""
    node = root.get("tune")
    if not isinstance(node, MappingNode):
        return None
    key = node.entries["key"]
    assert isinstance(key, Scalar)
    values = node.get("values")
    tuning = Tuning(
        key=str(key.value),
        place=key.span,
        by=by,
        by_place=(node.get("by") or key).span,
        values=tuple(values.items) if isinstance(values, Sequence) else (),
        changes=settings(node.get("set")),
    )
    if not by.startswith("valid_"):
        message = f"`{by}` is no score of the validation set, by which rows choose"
        raise Rejected(
            [mistake(tuning.by_place, "no-such-score", message, "write `by: valid_loss`")]
        )
    _require_unset(tuning, tuning.changes)
    for value in tuning.values or (Scalar(span=key.span, value=0),):
        tuning.change(value)  # raises `Rejected` for a key that is no setting
    return tuning


def values_of_row(
    row: str, span: Span, own: tuple[Node, ...], tuning: Tuning | None
) -> tuple[Node, ...]:
    """Return the values among which a row chooses; raises `Rejected`."""
    if tuning is None:
        if own:
            help = "write `tune: {key: training.schedule.peak}` at the top level"
            message = f"row `{row}` has values to choose from, and the file does not say of what"
            raise Rejected([mistake(own[0].span, "bad-value", message, help)])
        return ()
    if not (own or tuning.values):
        message = f"row `{row}` has no values of `{tuning.key}` to choose from"
        help = "write `values: [...]` into `tune:`, for the base and all rows without their own"
        raise Rejected([mistake(span, "missing-key", message, help)])
    return own or tuning.values


def _require_unset(tuning: Tuning, changes: tuple[MappingNode, ...]) -> None:
    """Raise `Rejected` for trees that set what rows choose."""
    wrong = [each for change in changes for each in _conflicts(tuning, change)]
    if wrong:
        raise Rejected(wrong)


def require_unset(tuning: Tuning | None, changes: tuple[MappingNode, ...]) -> None:
    """Raise `Rejected` for settings of rows, or of the command line, that rows choose."""
    if tuning is not None:
        _require_unset(tuning, changes)


def _conflicts(tuning: Tuning, change: MappingNode) -> Iterator[Diagnostic]:
    for path, node in leaves(change):
        key = dotted(path)
        if key == tuning.key or key.startswith(f"{tuning.key}."):
            message = f"`{tuning.key}` is what each row chooses, by `tune:`"
            help = "leave it out here; `tune: [...]` in a row has values of its own"
            yield mistake(node.span, "bad-value", message, help)


Choices = Mapping[str, int]
"""For the name of a row the number of the value that it has chosen, from 0 on."""
