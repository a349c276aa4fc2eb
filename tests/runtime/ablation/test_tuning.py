"""Rows that choose a setting by short runs, and BLEU by the length of sources."""

from pathlib import Path

import pytest

from compiler.ablation.expand import expand_tuning
from compiler.spec.lock import read_lock
from runtime.ablation.collect import read_ablation
from runtime.ablation.lengths import bands_of, tabulate_lengths
from runtime.ablation.outputs import tabulate, write_reports
from runtime.ablation.record import FAILURE, RESULT, ROWS, TUNING, Failure, write_failure
from runtime.ablation.tuning import choices_of
from runtime.errors import UserError
from runtime.scoring.score import score
from tests.runtime.ablation.conftest import Command, wait_for
from tests.support.ablations import Bench

TUNE = "tune: {key: training.schedule.peak, values: [1e-7, 0.02], set: {training.steps: 20}}\n"
HOT = "tune: {key: training.schedule.peak, values: [1e30, 0.02, 1e-7], set: {training.steps: 20}}\n"


def test_each_row_runs_with_the_value_that_did_best(ablate: Command, file: Path, out: Path) -> None:
    file.write_text(file.read_text() + HOT + "lengths: [3, 8]\n")
    code, said = wait_for(ablate("--jobs=1"))
    assert code == 0, said
    tuned = expand_tuning(file)
    assert tuned is not None
    assert choices_of(out / TUNING, tuned) == {"base": 1, "heads-1": 1}
    for row in (out / ROWS).iterdir():
        assert "peak: 0.02" in (row / "package" / "spec.lock.yaml").read_text()
    table = (out / "table.txt").read_text()
    assert "base 0.02 of 1.0e+30, 0.02, 1.0e-07; heads-1 0.02" in table
    assert "Beyond the ends" not in table
    assert "BLEU by length" in (out / "report.html").read_text()
    assert (out / "lengths.md").read_text().count("|") > 4
    code, said = wait_for(ablate("--jobs=1"))
    assert code == 0, said
    assert "begins" not in said
    assert "goes on" not in said


def test_a_row_whose_runs_have_all_diverged_cannot_choose(
    ablate: Command, file: Path, out: Path
) -> None:
    file.write_text(file.read_text() + TUNE.replace("1e-7, 0.02", "1e30, 1e29"))
    code, said = wait_for(ablate("--jobs=1"))
    assert code == 2, said
    assert "row base cannot choose training.schedule.peak: all of its runs have diverged" in said
    assert not (out / ROWS).exists()


def test_a_choice_waits_for_runs_that_failed_by_chance(
    ablate: Command, file: Path, out: Path
) -> None:
    file.write_text(file.read_text() + TUNE)
    assert wait_for(ablate("--jobs=1"))[0] == 0
    note = "Beyond the ends of their values may be better ones: base, heads-1."
    assert note in (out / "table.txt").read_text()
    tuned = expand_tuning(file)
    assert tuned is not None
    row = out / TUNING / ROWS / "heads-1-0.02-seed1"
    result = (row / RESULT).read_bytes()
    (row / RESULT).unlink()
    write_failure(row, Failure(reason="killed by SIGKILL"))
    with pytest.raises(UserError, match=r"its run heads-1-0.02-seed1 has no result: killed"):
        choices_of(out / TUNING, tuned)
    (row / FAILURE).unlink()
    (row / RESULT).write_bytes(result)
    assert choices_of(out / TUNING, tuned) == {"base": 1, "heads-1": 1}


@pytest.mark.quick
def test_sentences_are_divided_at_the_lengths() -> None:
    bands = bands_of([0, 1, 5, 6, 10, 11, 40], (5, 10, 10_000))
    assert [(each.name, each.sentences) for each in bands] == [
        ("1 to 5", (0, 1, 2)),
        ("6 to 10", (3, 4)),
        ("11 to 10000", (5, 6)),
    ]
    assert [each.name for each in bands_of([3, 30], (5, 10))] == ["1 to 5", "from 11"]


@pytest.mark.quick
def test_bleu_by_length_is_that_of_the_sentences(bench: Bench) -> None:
    folder = bench.write(seeds=(1,))
    bench.change("ablation.json", lengths=[8, 12])
    ablation = read_ablation(folder)
    table = tabulate_lengths(ablation)
    assert table is not None
    references = (bench.text / "test.de").read_text().splitlines()
    hypotheses = (bench.place("a-h1-seed1") / "run" / "evaluation-test.txt").read_text()
    chosen = [n for n, line in enumerate(references) if 8 < len(line.split()) <= 12]
    protocol = read_lock(bench.place("a-h1-seed1") / "package" / "spec.lock.yaml").evaluation
    expected = score(
        [hypotheses.splitlines()[n] for n in chosen], [references[n] for n in chosen], protocol
    )
    row = next(row for row in table.rows if getattr(row[0], "text", "") == "a-h1")
    assert row[2] == f"{expected.bleu:.2f}"
    assert table.columns[2].name == f"9 to 12 ({len(chosen)})"
    assert {path.name for path in write_reports(tabulate(folder))} >= {"lengths.txt", "lengths.csv"}


@pytest.mark.quick
def test_lost_translations_are_said_below_the_table(bench: Bench) -> None:
    folder = bench.write(seeds=(1,))
    bench.change("ablation.json", lengths=[8, 12])
    (bench.place("base-seed1") / "run" / "evaluation-test.txt").unlink()
    tabulated = tabulate(folder)
    assert tabulated.lengths is None
    assert any("no BLEU by length: base-seed1 has no" in note for note in tabulated.grid.notes)
