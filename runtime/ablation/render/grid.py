"""The table as a grid of words, which every renderer puts into its own signs."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Literal

from runtime.ablation.columns import Measure, group_label
from runtime.ablation.table import Line, Table, Value

MINUS, MARK, PART = "−", "*", "†"
Kind = Literal["group", "row", "setting", "value", "difference"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The head of a column. `key` tells apart what has one name, such as two differences."""

    kind: Kind
    name: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A line of the grid: its cells. One without results has its state in the first of them."""

    line: Line
    cells: tuple[str, ...]
    starts_group: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """As many cells in each record as there are heads."""

    heads: tuple[Head, ...]
    records: tuple[Record, ...]
    notes: tuple[str, ...]


def make_grid(table: Table) -> Grid:
    heads = make_heads(table)
    groups = ["", *(line.group for line in table.lines)]
    records = tuple(
        Record(
            line=line,
            cells=make_cells(table, line, starts=line.group != before),
            starts_group=line.group != before or not line.group,
        )
        for before, line in zip(groups, table.lines, strict=False)
    )
    return Grid(heads=heads, records=records, notes=make_notes(table))


def make_heads(table: Table) -> tuple[Head, ...]:
    settings = (
        Head(kind="setting", name=each.name, key=" ".join(each.keys)) for each in table.settings
    )
    return (
        Head(kind="group", name="", key="group"),
        Head(kind="row", name="row", key="row"),
        *settings,
        *(head for measure in table.measures for head in measure_heads(measure)),
    )


def measure_heads(measure: Measure) -> tuple[Head, ...]:
    own = Head(kind="value", name=measure.name, key=measure.key)
    difference = Head(kind="difference", name="Δ", key=f"{measure.key}_difference")
    return (own, difference) if measure.compared else (own,)


def make_cells(table: Table, line: Line, *, starts: bool) -> tuple[str, ...]:
    group = group_label(line.group) if starts else ""
    return (group, line.row, *line.settings, *number_cells(table, line))


def number_cells(table: Table, line: Line) -> list[str]:
    """The first result has a mark if there is a remark; without results, the state is there."""
    mark = PART if line.remark else ""
    scores = [measure for measure in table.measures if not measure.repeated]
    first = scores[0] if scores else None
    cells: list[str] = []
    for measure, value in zip(table.measures, line.values, strict=True):
        own = value_cells(measure, value)
        head = line.state or own[0]
        cells += (f"{head}{mark}", *own[1:]) if measure is first else own
    return cells


def value_cells(measure: Measure, value: Value | None) -> tuple[str, ...]:
    if value is None:
        return ("", "") if measure.compared else ("",)
    number = format_number(measure, value.mean)
    if value.deviation is not None:
        number += f" ± {format_number(measure, value.deviation)}"
    if not measure.compared:
        return (number,)
    return (number, format_difference(measure, value))


def format_number(measure: Measure, number: float) -> str:
    return f"{number / measure.unit:,.{measure.digits}f}".replace("-", MINUS)


def format_difference(measure: Measure, value: Value) -> str:
    """With its sign, and a mark if it is significant."""
    if value.difference is None:
        return ""
    sign = "+" if value.difference >= 0 else ""
    mark = MARK if value.significant else ""
    return f"{sign}{format_number(measure, value.difference)}{mark}"


def make_notes(table: Table) -> tuple[str, ...]:
    """What the numbers mean, and where some are missing."""
    return (
        *value_notes(table),
        *significance_notes(table),
        *signature_notes(table),
        *(f"{PART} {line.row}: {line.remark}" for line in table.lines if line.remark),
    )


def value_notes(table: Table) -> list[str]:
    notes = [f"Blank settings are those of {table.base}."]
    if len(table.seeds) > 1:
        numbers = ", ".join(map(str, table.seeds))
        notes.append(f"Mean ± standard deviation (of the sample) over the seeds {numbers}.")
    else:
        notes.append(f"One seed: {table.seeds[0]}.")
    if any(measure.compared for measure in table.measures):
        notes.append(f"Δ: difference to {table.base}, mean over the seeds that both rows have.")
    return notes


def significance_notes(table: Table) -> list[str]:
    compared = table.significance.compared
    notes = [
        f"No test of the differences in {name_of(table, column)}: {reason}."
        for column, reason in table.significance.untested.items()
    ]
    if compared:
        columns = dict.fromkeys(name_of(table, each.column) for each in compared)
        notes.append(
            f"{MARK} p < 0.05 against {table.base} in {' and '.join(columns)}, for every seed that "
            "both have: paired bootstrap resampling of the sentences (Koehn 2004), each run "
            f"against that of {table.base} with the same seed, by sacreBLEU "
            f"({compared[0].signature}); not corrected for the number of rows."
        )
    return notes


def signature_notes(table: Table) -> list[str]:
    """sacreBLEU's, once for the columns that share it."""
    columns = defaultdict(list)
    for key, signature in table.signatures.items():
        columns[signature].append(name_of(table, key))
    return [f"{' and '.join(names)}: {signature}" for signature, names in columns.items()]


def name_of(table: Table, key: str) -> str:
    return next(measure.name for measure in table.measures if measure.key == key)
