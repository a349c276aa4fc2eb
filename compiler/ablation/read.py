"""The file of an ablation: its rows as changes of specs, each with its place."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from math import prod
from pathlib import Path as File

from compiler.ablation.columns import Column, is_measured, needs_test_set, usual_columns
from compiler.ablation.file import LONGEST_NAME, MOST_ROWS, validate
from compiler.ablation.settings import dotted, leaves, setting, settings, text_of_node, word_of
from compiler.ablation.tuning import Choices, Tuning, read_tuning, require_unset, values_of_row
from compiler.source.diagnostic import Diagnostic, Note, Rejected, for_each, mistake
from compiler.source.node import Mapping, Node, Scalar, Sequence
from compiler.source.read import read, read_text
from compiler.source.span import Source, Span
from compiler.spec.extend import no_spec, not_a
from compiler.spec.kinds_of_files import ABLATION, kind_of
from compiler.spec.library import locate
from compiler.spec.spec import Spec

BASE = "base"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A spec that is named in the file, as a path."""

    path: File
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenRow:
    """A row as it is written: changes of the base, or of a spec of its own."""

    name: str
    group: str
    span: Span
    spec: Place
    changes: tuple[Mapping, ...] = ()
    choice: tuple[Node, ...] = ()
    """The values of the setting that rows choose, where the row has its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenSeed:
    """A value of `training.seed`."""

    value: int
    change: Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Ablation:
    """A file as it is written. The first row is the base."""

    name: str
    source: Source
    shared: tuple[Mapping, ...]
    seeds: tuple[WrittenSeed, ...]
    rows: tuple[WrittenRow, ...]
    columns: tuple[Column, ...] | None
    columns_node: Node
    tuning: Tuning | None = None
    parameters_within: float | None = None
    lengths: tuple[int, ...] = ()
    lengths_node: Node | None = None

    @property
    def base(self) -> WrittenRow:
        return self.rows[0]

    def values_of(self, row: WrittenRow) -> tuple[Node, ...]:
        """Return the values among which a row chooses; none where the file has no `tune:`."""
        return values_of_row(row.name, row.span, row.choice, self.tuning)

    def short_runs(self) -> "Ablation | None":
        """Return the ablation whose rows are the short runs of rows, one for each of their values.

        They run with the first seed. None where the file has no `tune:`. Raises `Rejected`.
        """
        tuning = self.tuning
        if tuning is None:
            return None
        rows = tuple(
            replace(
                row,
                name=tuning.name(row.name, value),
                group=row.name,
                changes=(*row.changes, *tuning.changes, tuning.change(value)),
            )
            for row in self.rows
            for value in self.values_of(row)
        )
        return replace(
            self,
            name=f"{self.name}-tuning",
            seeds=self.seeds[:1],
            rows=(replace(rows[0], group=""), *rows[1:]),
            columns=("params", tuning.by),
            columns_node=Sequence(
                span=tuning.by_place,
                items=tuple(Scalar(span=tuning.by_place, value="") for _ in range(2)),
            ),
            tuning=None,
            lengths=(),
        )

    def with_choices(self, choices: Choices) -> "Ablation":
        """Return the ablation whose rows set what they have chosen; by default the first value."""
        tuning = self.tuning
        if tuning is None:
            return self
        rows = tuple(
            replace(row, changes=(*row.changes, tuning.change(values[choices.get(row.name, 0)])))
            for row, values in ((row, self.values_of(row)) for row in self.rows)
        )
        return replace(self, rows=rows)

    def columns_for(self, spec: Spec) -> tuple[Column, ...]:
        """The columns for rows like this spec.

        Raises `Rejected` if a column is not a score of the task, belongs to a text that the spec
        does not have, or is named twice.
        """
        if self.columns is None:
            return usual_columns(spec)
        items = self.columns_node.items if isinstance(self.columns_node, Sequence) else ()
        _require_different_columns(self.columns, items)
        wrong = [
            _no_such_score(column, node.span, spec)
            for column, node in zip(self.columns, items, strict=True)
            if not is_measured(column, spec.task) or (needs_test_set(column) and not spec.data.test)
        ]
        if wrong:
            raise Rejected(wrong)
        return self.columns


def _no_such_score(column: Column, span: Span, spec: Spec) -> Diagnostic:
    if not is_measured(column, spec.task):
        return mistake(span, "no-such-score", f"`{column}` is no score of `task: {spec.task}`")
    message = f"`{column}` is a score of `data.test`, which the base does not have"
    help = "leave the column out, or give the base the text that the table shows as `data.test`"
    return mistake(span, "no-such-score", message, help)


def read_ablation(path: File) -> Ablation:
    """The file at a path; raises `Rejected` with all that is wrong with it."""
    kind = kind_of(path if path.exists() else locate(str(path)) or path)
    if kind is not None and kind.name != ABLATION:
        raise Rejected([not_a(ABLATION, str(path), kind)])
    source = Source(name=str(path), text=read_text(path))
    root = read(source)
    if not isinstance(root, Mapping):
        message = "an ablation is a mapping of keys to values"
        raise Rejected([mistake(root.span, "not-a-spec", message)])
    said = validate(root)
    base = _place(root.entries["base"], path.parent)
    groups = root.entries["groups"]
    assert isinstance(groups, Mapping)
    _require_few(groups)
    written = for_each(groups.entries, lambda name: _group(name, groups, base, path.parent))
    first = WrittenRow(name=BASE, group="", span=base.span, spec=base)
    rows = (first, *(row for group in written for row in group))
    _require_different_names(rows)
    tuning = read_tuning(root, said.tune.by if said.tune else "valid_loss")
    for_each(rows, lambda row: values_of_row(row.name, row.span, row.choice, tuning))
    shared = settings(root.get("set"))
    for_each((shared, *(row.changes for row in rows)), lambda each: require_unset(tuning, each))
    return Ablation(
        name=said.ablation,
        source=source,
        shared=shared,
        seeds=tuple(_seeds(root.get("seeds"), root.span)),
        rows=rows,
        columns=None if said.columns is None else tuple(said.columns),
        columns_node=root.get("columns") or root,
        tuning=tuning,
        parameters_within=said.parameters_within,
        lengths=tuple(said.lengths or ()),
        lengths_node=root.get("lengths"),
    )


def _require_few(groups: Mapping) -> None:
    """Raise `Rejected` at the grid or the list with which there are too many rows."""
    count = 0
    for group in groups.entries.values():
        assert isinstance(group, Mapping)
        for key in ("grid", "rows"):
            if key not in group.entries:
                continue
            count += _count(group.entries[key])
            if count > MOST_ROWS:
                message = f"these are {count:,} rows, and an ablation has at most {MOST_ROWS:,}"
                help = (
                    "a grid has every combination of its values: leave out values, or write `rows`"
                )
                raise Rejected([mistake(group.keys[key], "bad-value", message, help)])


def _count(node: Node) -> int:
    """The number of rows in a list of rows, or in a grid."""
    if isinstance(node, Sequence):
        return len(node.items)
    assert isinstance(node, Mapping)
    lists = [each for each in node.entries.values() if isinstance(each, Sequence)]
    return prod(len(each.items) for each in lists) if lists else 0


def _place(node: Node, beside: File) -> Place:
    reference = str(node.value) if isinstance(node, Scalar) else ""
    found = locate(reference, beside)
    if found is None:
        raise Rejected([no_spec(reference, node.span, beside)])
    return Place(path=found, span=node.span)


def _seeds(node: Node | None, whole: Span) -> Iterator[WrittenSeed]:
    """Return the seeds; a file without `seeds:` has the seed 1."""
    items = node.items if isinstance(node, Sequence) else (Scalar(span=whole, value=1),)
    seen: dict[object, Span] = {}
    for item in items:
        assert isinstance(item, Scalar)
        if item.value in seen:
            raise Rejected([_twice(f"seed {item.value}", item.span, seen[item.value])])
        seen[item.value] = item.span
        entries = {"training": _one("seed", item)}
        change = Mapping(span=item.span, entries=entries, keys={"training": item.span})
        yield WrittenSeed(value=int(str(item.value)), change=change)


def _one(key: str, node: Node) -> Mapping:
    return Mapping(span=node.span, entries={key: node}, keys={key: node.span})


def _group(name: str, groups: Mapping, base: Place, folder: File) -> list[WrittenRow]:
    node = groups.entries[name]
    assert isinstance(node, Mapping)
    grid, rows = node.get("grid"), node.get("rows")
    found = list(_grid(grid, name, base)) if isinstance(grid, Mapping) else []
    if isinstance(rows, Sequence):
        found += for_each(rows.items, lambda row: _row(row, name, base, folder))
    if not found:
        message = "this group has no rows: it needs a `grid` or `rows`"
        raise Rejected([mistake(groups.keys[name], "missing-key", message)])
    return found


def _row(node: Node, group: str, base: Place, folder: File) -> WrittenRow:
    assert isinstance(node, Mapping)
    name, spec, choice = node.entries["name"], node.get("spec"), node.get("tune")
    assert isinstance(name, Scalar)
    return WrittenRow(
        name=str(name.value),
        group=group,
        span=name.span,
        spec=base if spec is None else _place(spec, folder),
        changes=settings(node.get("set")),
        choice=tuple(choice.items) if isinstance(choice, Sequence) else (),
    )


def _grid(grid: Mapping, group: str, base: Place) -> Iterator[WrittenRow]:
    """All combinations of the values of its keys, the last key's changing fastest."""
    if not grid.entries:
        return
    words = _words(list(grid.entries))
    lists = [node.items for node in grid.entries.values() if isinstance(node, Sequence)]
    for values in product(*lists):
        pairs = list(zip(grid.entries, values, strict=True))
        name = "-".join(f"{words[key]}-{_word(value)}" for key, value in pairs)
        if len(name) > LONGEST_NAME:
            message = f"the name of a row has at most {LONGEST_NAME} characters: `{name}`"
            help = "write it among `rows`, with a name of its own"
            raise Rejected([mistake(values[-1].span, "bad-value", message, help)])
        changes = for_each(pairs, lambda pair: setting(pair[0], grid.keys[pair[0]], pair[1]))
        yield WrittenRow(
            name=name, group=group, span=values[-1].span, spec=base, changes=tuple(changes)
        )


def _words(keys: list[str]) -> dict[str, str]:
    """Return the words for keys in names of rows: the last word, if it tells them apart."""
    last = {key: key.rpartition(".")[2] for key in keys}
    if len(set(last.values())) == len(keys):
        return last
    return {key: key.replace(".", "-") for key in keys}


def _word(value: Node) -> str:
    """Return a value of a grid in the name of its row."""
    help = "write the row among `rows`, with a name of its own"
    return word_of(value, "a value of a grid", help)


def _require_different_names(rows: tuple[WrittenRow, ...]) -> None:
    first: dict[str, WrittenRow] = {}
    wrong = []
    for row in rows:
        if row.name in first:
            wrong.append(_twice(f"row `{row.name}`", row.span, first[row.name].span))
        first.setdefault(row.name, row)
    if wrong:
        raise Rejected(wrong)


def _require_different_columns(columns: Iterable[Column], items: Iterable[Node]) -> None:
    first: dict[Column, Span] = {}
    for column, node in zip(columns, items, strict=True):
        if column in first:
            help = "leave one of them out"
            raise Rejected([_twice(f"column `{column}`", node.span, first[column], help)])
        first[column] = node.span


def _twice(
    what: str,
    span: Span,
    before: Span,
    help: str = "each row needs a name, and each seed a number, of its own",
) -> Diagnostic:
    return Diagnostic(
        code="duplicate-row",
        message=f"{what} is there twice",
        span=span,
        help=help,
        notes=(Note(span=before, text="the first"),),
    )


def settings_of(changes: tuple[Mapping, ...]) -> dict[str, str]:
    """Return what trees of settings set, by dotted key."""
    return {dotted(path): text_of_node(node) for change in changes for path, node in leaves(change)}
