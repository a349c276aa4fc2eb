"""All rows of an ablation as compiled packages: what the queue is made of."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from pathlib import Path

from compiler.ablation.columns import OF_TOKENS, Column
from compiler.ablation.read import Ablation, WrittenRow, read_ablation, settings_of
from compiler.ablation.settings import dotted, leaves, require_no_seed, text_of_node
from compiler.ablation.tuning import Choices, Tuning, require_unset
from compiler.analysis.cost import count_parameters
from compiler.diff.settings import values_at
from compiler.explain import flops_per_update
from compiler.pipeline import CompiledPackage, compile_loaded
from compiler.source.diagnostic import Diagnostic, Note, Rejected, for_each, mistake
from compiler.source.node import Mapping, Node
from compiler.source.span import Source, Span
from compiler.spec.extend import NOT_INHERITED, Extended, over, read_extended
from compiler.spec.load import Loaded, resolve
from compiler.spec.lock import LOCK, lock_text
from compiler.spec.overrides import override
from compiler.spec.scaling import lasting
from compiler.spec.shorthand import write_out
from compiler.spec.spec import Spec

LENGTH = 32
"""Tokens of a sentence, where operations are counted."""

COMPARABLE = ("task", "data", "evaluation")
"""What all rows have in common."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row with its complete spec, for the first seed; `tree` is its spec as it is written."""

    written: WrittenRow
    loaded: Loaded
    tree: Mapping
    settings: dict[str, str]

    @property
    def name(self) -> str:
        return self.written.name

    @property
    def group(self) -> str:
        return self.written.group

    @property
    def spec(self) -> Spec:
        return self.loaded.spec

    @cached_property
    def package(self) -> CompiledPackage:
        """The compiled package; raises `Rejected`."""
        return compile_loaded(self.loaded)

    @cached_property
    def parameters(self) -> int:
        return count_parameters(self.package.model)

    @cached_property
    def flops_per_update(self) -> int:
        return flops_per_update(self.package.model, self.spec.training, LENGTH)

    @property
    def flops(self) -> int | None:
        """The FLOPs of the whole training; None while its number of updates is unknown."""
        steps = self.spec.training.steps
        return None if steps is None else self.flops_per_update * steps

    def lasting(self, steps: int) -> "Row":
        """Return the row with its length in updates, the same for all seeds, instead of epochs.

        Raises `Rejected` where its other settings do not fit that length.
        """
        row = replace(self, loaded=lasting(self.loaded, steps, keeps_epochs=False))
        assert row.package
        return row

    def spec_with(self, seed: int) -> Spec:
        """Return the spec of the row with this seed."""
        training = self.spec.training.model_copy(update={"seed": seed})
        return self.spec.model_copy(update={"training": training})

    def files(self, seed: int) -> dict[str, bytes]:
        """Return the package with this seed: the code is the same, for it has none."""
        lock = lock_text(self.spec_with(seed))
        return {name: text.encode() for name, text in {**self.package.files, LOCK: lock}.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Expansion:
    """All rows, the base first, and the seeds that each runs with."""

    name: str
    columns: tuple[Column, ...]
    varied: dict[str, str]
    """What some row sets, by dotted key, with the value of the base."""
    seeds: tuple[int, ...]
    rows: tuple[Row, ...]
    lengths: tuple[int, ...] = ()
    """Lengths of sources in words, up to which BLEU is tabulated apart."""

    @property
    def base(self) -> Row:
        return self.rows[0]

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        return tuple(each for row in self.rows for each in row.package.warnings)


def expand(path: Path, overrides: Iterable[str] = (), choices: Choices | None = None) -> Expansion:
    """The rows of a file; `overrides` (`key=value`) are for all. Raises `Rejected`.

    Where rows choose a setting (`tune:`), they have the values of `choices`, or their first ones.
    """
    ablation = read_ablation(path)
    return _expanded(ablation.with_choices(choices or {}), overrides)


def expand_tuning(path: Path, overrides: Iterable[str] = ()) -> "Tuned | None":
    """The short runs by which rows choose a setting; None where they do not. Raises `Rejected`."""
    ablation = read_ablation(path)
    short = ablation.short_runs()
    if short is None or ablation.tuning is None:
        return None
    return Tuned(
        tuning=ablation.tuning,
        runs=_expanded(short, overrides),
        values={row.name: ablation.values_of(row) for row in ablation.rows},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """The short runs of rows that choose a setting, and by row the values that they choose from."""

    tuning: Tuning
    runs: Expansion
    values: dict[str, tuple[Node, ...]]


def _expanded(ablation: Ablation, overrides: Iterable[str]) -> Expansion:
    others = for_each(overrides, lambda argument: _override(argument, ablation.tuning))
    shared = (*ablation.shared, *others)
    base = _resolve(ablation.base, ablation, shared)  # its mistakes would be those of all rows
    rows = for_each(ablation.rows[1:], lambda row: _resolve(row, ablation, shared))
    resolved = [base, *rows]
    columns = ablation.columns_for(base.spec)
    _require_comparable(resolved)
    _require_one_vocabulary(resolved, columns)
    _require_different(resolved)
    _require_translations(ablation, base.spec)
    compiled = tuple(for_each(resolved, lambda each: _compiled(each, ablation)))
    _require_equal_size(compiled, ablation.parameters_within)
    return Expansion(
        name=ablation.name,
        columns=columns,
        varied=_varied(resolved),
        seeds=tuple(seed.value for seed in ablation.seeds),
        rows=compiled,
        lengths=ablation.lengths,
    )


def _override(argument: str, tuning: Tuning | None) -> Mapping:
    change = override(argument)
    require_no_seed(change)
    require_unset(tuning, (change,))
    return change


def _require_translations(ablation: Ablation, spec: Spec) -> None:
    """Raise `Rejected` if BLEU by length is asked for and the base has none, or lengths shrink."""
    node, lengths = ablation.lengths_node, ablation.lengths
    if node is None or not lengths:
        return
    if spec.task != "translation" or not spec.data.test:
        message = "`lengths` tabulate the BLEU of a test set, which the base does not have"
        help = "leave them out, or give a base with `task: translation` the text `data.test`"
        raise Rejected([mistake(node.span, "no-such-score", message, help)])
    if list(lengths) != sorted(set(lengths)):
        message = "lengths rise: each begins where the one before it ends"
        words = ", ".join(map(str, sorted(set(lengths))))
        raise Rejected([mistake(node.span, "bad-value", message, f"write `lengths: [{words}]`")])


def _require_equal_size(rows: tuple[Row, ...], within: float | None) -> None:
    """Raise `Rejected` for rows whose numbers of parameters differ too much from the base's."""
    base, *others = rows
    wrong = [
        mistake(
            row.written.span,
            "not-comparable",
            f"row `{row.name}` has {row.parameters:,} parameters, {share:+.1%} beside the "
            f"{base.parameters:,} of the base, and `parameters_within` is {within}",
            "change a width of the row, such as `model.feed_forward.d_ff`, or allow a larger share",
        )
        for row in others
        if within is not None and abs(share := row.parameters / base.parameters - 1) > within
    ]
    if wrong:
        raise Rejected(wrong)


def _resolve(row: WrittenRow, ablation: Ablation, shared: tuple[Mapping, ...]) -> Row:
    extended, changes = read_extended(str(row.spec.path)), (*shared, *row.changes)
    with _pointing_at(row, ablation.source):
        loaded = resolve(extended, (*changes, ablation.seeds[0].change))
    tree = _written(extended, changes)
    settings = settings_of(row.changes) if row is not ablation.base else {}
    if row.spec.path != ablation.base.spec.path:
        base = _written(read_extended(str(ablation.base.spec.path)), shared)
        settings = _differences(base, tree)
    elif row.group:
        summary = f"row {row.name} of the ablation {ablation.name}"
        loaded = replace(loaded, spec=loaded.spec.model_copy(update={"summary": summary}))
    return Row(written=row, loaded=loaded, tree=tree, settings=settings)


@contextmanager
def _pointing_at(row: WrittenRow, source: Source) -> Iterator[None]:
    """Mistakes that show elsewhere than in the ablation's file tell which row has them."""
    try:
        yield
    except Rejected as rejected:
        note = Note(span=row.span, text=f"in the row {row.name}")
        raise Rejected(
            each
            if each.span.source is source or not row.group
            else replace(each, notes=(*each.notes, note))
            for each in rejected.diagnostics
        ) from None


def _written(extended: Extended, changes: Iterable[Mapping]) -> Mapping:
    """The tree of a spec under changes, before anything is inherited or filled in."""
    return reduce(over, map(write_out, changes), extended.tree)


def _differences(base: Mapping, tree: Mapping) -> dict[str, str]:
    """Return what a spec of its own sets otherwise than the base, as far as either writes it."""
    before, after = (
        {dotted(path): text_of_node(node) for path, node in leaves(each)} for each in (base, tree)
    )
    keys = [key for key in {**before, **after} if key not in NOT_INHERITED]
    return {key: after.get(key, "null") for key in keys if before.get(key) != after.get(key)}


def _require_comparable(resolved: list[Row]) -> None:
    """Raise `Rejected` for rows that are not measured as the base is."""
    base, *rows = resolved
    others = ((each, _other_part(each.spec, base.spec)) for each in rows)
    wrong = [_incomparable(each, part) for each, part in others if part]
    if wrong:
        raise Rejected(wrong)


def _other_part(spec: Spec, base: Spec) -> str:
    """The first part that must be the base's and is not; empty if there is none."""
    return next((part for part in COMPARABLE if getattr(spec, part) != getattr(base, part)), "")


def _incomparable(each: Row, part: str) -> Diagnostic:
    return mistake(
        _place_of(each.written, part),
        "not-comparable",
        f"row `{each.name}` has another `{part}:` than the base: "
        "scores on other data, or measured otherwise, do not stand in one table",
        "set it for all rows, in `set:` at the top level; or make it an ablation of its own",
    )


def _require_one_vocabulary(resolved: list[Row], columns: tuple[Column, ...]) -> None:
    """Raise `Rejected` if numbers of tokens stand beside those of other tokens."""
    base, *rows = resolved
    counted = [each for each in columns if each.partition("_")[2] in OF_TOKENS]
    wrong = [
        mistake(
            _place_of(each.written, "model", "vocabulary"),
            "not-comparable",
            f"row `{each.name}` has another vocabulary than the base, and `{counted[0]}` is "
            "a mean over its tokens",
            "name `columns:` without losses, perplexities and accuracies: other scores compare",
        )
        for each in rows
        if counted and each.spec.model.vocabulary != base.spec.model.vocabulary
    ]
    if wrong:
        raise Rejected(wrong)


def _place_of(row: WrittenRow, *start: str) -> Span:
    """Return the place of a row's first setting below some keys, else the place of the row."""
    below = (each for change in row.changes for each in leaves(change))
    return next((node.span for path, node in below if path[: len(start)] == start), row.span)


def _require_different(resolved: list[Row]) -> None:
    """Raise `Rejected` for rows that are the same network and recipe as one before."""
    seen: dict[str, Row] = {}
    wrong = []
    for each in resolved:
        spec = each.spec.model_copy(update={"name": "", "summary": ""}).model_dump_json()
        if spec in seen:
            wrong.append(_equal(each.written, seen[spec].written))
        seen.setdefault(spec, each)
    if wrong:
        raise Rejected(wrong)


def _equal(row: WrittenRow, before: WrittenRow) -> Diagnostic:
    other = f"row `{before.name}`" if before.group else "the base"
    return Diagnostic(
        code="equal-rows",
        message=f"row `{row.name}` is equal to {other}",
        span=row.span,
        help="nothing differs once all defaults are filled in: leave it out",
        notes=(Note(span=before.span, text=other),),
    )


def _varied(resolved: list[Row]) -> dict[str, str]:
    """Return each setting of a row, once, with the base's value; empty where layers differ."""
    keys = dict.fromkeys(key for each in resolved for key in each.settings)
    found = zip(keys, values_at(resolved[0].spec, keys), strict=True)
    return {key: values[0] if len(values) == 1 else "" for key, values in found}


def _compiled(row: Row, ablation: Ablation) -> Row:
    """Return the row after its package has been compiled."""
    with _pointing_at(row.written, ablation.source):
        assert row.package
    return row
