"""The table of an ablation in words, which every format shows alike; and as plain values."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from compiler.ablation.columns import Measure
from compiler.page.model import Cell, Column, Table, Tone, columns
from compiler.page.text import least_width
from runtime.ablation.collect import Ablation, Outcome, Row
from runtime.ablation.table import SHORT_NAMES, Results, Value, group_label

MINUS, MARK, PART = "−", "*", "†"
DIFFERENCE, SETTING = "difference-cell", "setting"
NARROWER = {
    (DIFFERENCE,): "The terminal is too narrow for the differences: table.txt has all columns.",
    (DIFFERENCE, SETTING): "The terminal is too narrow for the settings and the differences: "
    "table.txt has all columns.",
}
"""The kinds of columns that are left out of a table that is too wide, until it fits."""
SYMBOLS = {"N", *SHORT_NAMES.values()} - {"position"}


def make_grid(results: Results) -> Table:
    """Return the table in words; a row without results has its state in the first of them."""
    rows = results.rows
    groups = ["", *(row.group for row in rows)]
    starts = {n for n, row in enumerate(rows) if row.group != groups[n] or not row.group}
    cells = (_cells(results, row, starts=number in starts) for number, row in enumerate(rows))
    return Table(
        columns=tuple(_heads(results)),
        rows=tuple(map(tuple, cells)),
        groups=frozenset(starts),
        base=rows.index(results.base),
        notes=tuple(_notes(results)),
    )


def fitting(grid: Table, width: int) -> Table:
    """Return as much of the table as so wide a terminal shows, and a note on what it leaves out."""
    found = grid
    for kinds, note in NARROWER.items():
        if least_width(found) <= width:
            break
        shown = [number for number, each in enumerate(grid.columns) if each.kind not in kinds]
        found = replace(
            grid,
            columns=tuple(grid.columns[number] for number in shown),
            rows=tuple(tuple(row[number] for number in shown) for row in grid.rows),
            notes=(note, *grid.notes),
        )
    return found


def anchor(row: str) -> str:
    """Return the name under which the report links to the details of a row."""
    plain = (sign if sign.isascii() and (sign.isalnum() or sign in "_.-") else "-" for sign in row)
    return f"row-{''.join(plain)}"


def tone_of(state: str) -> Tone:
    """Return the tone of a state in words: a failure stands out, what is to come does not."""
    return "absent" if state in ("not run", "not finished") else "bad"


def format_number(measure: Measure, number: float) -> str:
    """Return a number in the unit of its column, with a minus sign that is as wide as a plus."""
    return f"{number / measure.unit:,.{measure.digits}f}".replace("-", MINUS)


def _heads(results: Results) -> Iterator[Column]:
    yield Column(name="", kind="group", tone="quiet")
    yield Column(name="row", kind="row", tone="strong")
    for each in results.settings:
        symbol = each.name in SYMBOLS
        yield Column(name=each.name, align="center", kind=SETTING, symbol=symbol)
    for measure in results.measures:
        yield Column(name=measure.name, align="right", kind="value")
        if measure.compared:
            help = "difference to the base"
            yield Column(name="Δ", align="right", kind=DIFFERENCE, tone="quiet", help=help)


def _cells(results: Results, row: Row, *, starts: bool) -> Iterator[str | Cell]:
    """Return the cells of a row; its first result has a mark if there is a remark."""
    yield group_label(row.group) if starts else ""
    yield Cell(text=row.name, link=f"#{anchor(row.name)}")
    yield from results.cells[row.name]
    first = next((measure for measure in results.measures if not measure.repeated), None)
    for measure, value in zip(results.measures, results.values[row.name], strict=True):
        number = "" if value is None else _mean(measure, value)
        if measure is first:
            tone = tone_of(row.state) if row.state else ""
            yield Cell(text=row.state or number, mark=PART if row.remark else "", tone=tone)
        else:
            yield number
        if measure.compared:
            yield _difference(measure, value)


def _mean(measure: Measure, value: Value) -> str:
    number = format_number(measure, value.mean)
    if value.deviation is None:
        return number
    return f"{number} ± {format_number(measure, value.deviation)}"


def _difference(measure: Measure, value: Value | None) -> str | Cell:
    """Return the difference with its sign, and with a mark if it is significant."""
    if value is None or value.difference is None:
        return ""
    number = ("+" if value.difference >= 0 else "") + format_number(measure, value.difference)
    return Cell(text=number, mark=MARK, tone="strong") if value.significant else number


def _notes(results: Results) -> Iterator[str]:
    """Return what the numbers mean, and where some are missing."""
    yield from _value_notes(results)
    yield from _significance_notes(results)
    names = defaultdict(list)
    for key, signature in results.signatures.items():
        names[signature].append(_name_of(results, key))
    yield from (f"{' and '.join(each)}: {signature}" for signature, each in names.items())
    yield from (f"{PART} {row.name}: {row.remark}" for row in results.rows if row.remark)
    yield from results.remarks


def _value_notes(results: Results) -> Iterator[str]:
    yield f"Blank settings are those of {results.base.name}."
    if len(results.seeds) > 1:
        numbers = ", ".join(map(str, results.seeds))
        yield f"Mean ± standard deviation (of the sample) over the seeds {numbers}."
    else:
        yield f"One seed: {results.seeds[0]}."
    if any(measure.compared for measure in results.measures):
        yield f"Δ: difference to {results.base.name}, mean over the seeds that both rows have."


def _significance_notes(results: Results) -> Iterator[str]:
    compared, base = results.significance.compared, results.base.name
    for column, reason in results.significance.untested.items():
        yield f"No test of the differences in {_name_of(results, column)}: {reason}."
    if compared:
        names = dict.fromkeys(_name_of(results, each.column) for each in compared)
        yield (
            f"{MARK} p < 0.05 against {base} in {' and '.join(names)}, for every seed that both "
            "have: paired bootstrap resampling of the sentences (Koehn 2004), each run against "
            f"that of {base} with the same seed, by sacreBLEU ({compared[0].signature}); not "
            "corrected for the number of rows."
        )


def _name_of(results: Results, key: str) -> str:
    return next(measure.name for measure in results.measures if measure.key == key)


def row_values(results: Results) -> Table:
    """Return the rows at full precision: mean, deviation and difference of each column, apart."""
    heads = [
        *("row", "group", "state"),
        *(setting.name for setting in results.settings),
        *(f"{measure.key}{end}" for measure in results.measures for end in _ends(measure)),
    ]
    return _plain(heads, (_row_values(results, row) for row in results.rows))


def _plain(heads: Sequence[str], rows: Iterable[Iterable[object]]) -> Table:
    cells = (tuple("" if each is None else str(each) for each in row) for row in rows)
    return Table(columns=columns(heads), rows=tuple(cells))


def _ends(measure: Measure) -> tuple[str, ...]:
    """Return the ends of the names of a measure's columns."""
    own = ("", "_deviation")
    return (*own, "_difference", "_significant") if measure.compared else own


def _row_values(results: Results, row: Row) -> Iterator[object]:
    state = row.state or ("partly" if row.remark else "finished")
    yield from (row.name, row.group, state, *results.cells[row.name])
    for measure, value in zip(results.measures, results.values[row.name], strict=True):
        numbers: tuple[object, ...] = (None,) * 4
        if value is not None:
            significant = "yes" if value.significant else ""
            numbers = (value.mean, value.deviation, value.difference, significant)
        yield from numbers[: len(_ends(measure))]


def run_values(ablation: Ablation, results: Results) -> Table:
    """Return a row for each run: its seed, scores, p against the base, and what it is locked to."""
    scores = sorted({key for each in ablation.finished for key in _scores(each)})
    tested = sorted({each.column for each in results.significance.compared})
    heads = [
        *("row", "group", "seed", "state", "parameters", "flops"),
        *ablation.queue.varied,
        *scores,
        *(f"{column}_p" for column in tested),
        *("spec", "code", "data", "protocol"),
    ]
    varied = list(ablation.queue.varied)
    runs = ablation.outcomes
    return _plain(heads, (_run_values(each, results, varied, scores, tested) for each in runs))


def _run_values(
    outcome: Outcome,
    results: Results,
    varied: Sequence[str],
    scores: Sequence[str],
    tested: Sequence[str],
) -> Iterator[object]:
    queued, found, locked = outcome.queued, _scores(outcome), outcome.queued.locked
    p = {
        each.column: each.p.get(queued.row)
        for each in results.significance.compared
        if each.seed == queued.seed
    }
    yield from (queued.row, queued.group, queued.seed, outcome.state)
    yield from (queued.parameters, queued.flops)
    yield from (queued.settings.get(key) for key in varied)
    yield from (found.get(key) for key in scores)
    yield from (p.get(column) for column in tested)
    yield from (locked.spec, locked.code, locked.data, locked.protocol)


def _scores(outcome: Outcome) -> dict[str, float]:
    return {} if outcome.result is None else outcome.result.scores
