"""The table as data: what is in its cells, what is blank, and what is refused."""

import json
import statistics
from dataclasses import replace
from pathlib import Path

import pytest
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.significance import PairedTest

from runtime.ablation.collect import Row, read_ablation
from runtime.ablation.outputs import tabulate, write_reports
from runtime.ablation.record import Failure
from runtime.ablation.table import Results, Value
from runtime.errors import UserError
from tests.support.ablations import DIVERGED, PLANS, Bench, Plan


def table_of(folder: Path) -> Results:
    return tabulate(folder).results


def row_of(table: Results, name: str) -> Row:
    return next(row for row in table.rows if row.name == name)


def value_of(table: Results, row: str, column: str) -> Value | None:
    pairs = zip(table.measures, table.values[row], strict=True)
    return next(value for measure, value in pairs if measure.key == column)


def settings_of(table: Results, row: str) -> dict[str, str]:
    names = (setting.name for setting in table.settings)
    return dict(zip(names, table.cells[row], strict=True))


def test_settings_have_the_names_of_the_paper_and_blanks_are_the_base(bench: Bench) -> None:
    table = table_of(bench.write())
    assert [setting.name for setting in table.settings] == ["N", "h", "d_k", "position"]
    base = {"N": "2", "h": "4", "d_k": "32", "position": "sinusoidal"}
    assert settings_of(table, "base") == base
    blank = dict.fromkeys(base, "")
    assert settings_of(table, "b-dk8") == blank | {"d_k": "8"}
    assert settings_of(table, "c-n1") == blank | {"N": "1"}
    assert settings_of(table, "e-learned") == blank | {"position": "learned"}


def test_what_follows_of_a_setting_is_no_blank(bench: Bench) -> None:
    """One head of d_model 128 has keys of 128: the paper's rows (A) say so, too."""
    assert settings_of(table_of(bench.write()), "a-h1")["d_k"] == "128"


def test_numbers_of_layers_that_differ_are_two_columns(bench: Bench) -> None:
    plans = (
        PLANS[0],
        Plan(name="c-e1", group="C", settings={"model.encoder.layers": "1"}),
        PLANS[4],
    )
    table = table_of(bench.write(plans))
    assert [setting.name for setting in table.settings] == ["N_enc", "N_dec"]
    assert settings_of(table, "c-e1") == {"N_enc": "1", "N_dec": ""}


def test_keys_that_end_alike_are_told_apart(bench: Bench) -> None:
    bench.write(PLANS[:1])
    names = {
        "model.norm.eps": "norm eps",
        "training.optimizer.eps": "optimizer eps",
        "training.schedule.peak": "schedule peak",
        "model.attention.bias": "attention bias",
        "model.feed_forward.gated": "feed_forward gated",
        "training.steps": "steps",
    }
    bench.change("ablation.json", varied=dict.fromkeys(names, "1"))
    assert [each.name for each in table_of(bench.folder).settings] == list(names.values())


@pytest.mark.parametrize(("group", "label"), [("A", "(A)"), ("big", "big"), ("", "")])
def test_groups_are_letters_in_brackets_or_words(bench: Bench, group: str, label: str) -> None:
    plan = Plan(name="a-h1", group=group, settings={"model.attention.heads": "1"})
    grid = tabulate(bench.write((PLANS[0], plan), seeds=(1,))).grid
    assert grid.rows[1][0] == label


def test_mean_deviation_and_difference(bench: Bench) -> None:
    folder = bench.write(PLANS[:2], seeds=(1, 2, 3))
    scores = {
        row.name: [each.result.scores["valid_ppl"] for each in row.outcomes if each.result]
        for row in read_ablation(folder).rows
    }
    table = table_of(folder)
    value, base = (value_of(table, row, "valid_ppl") for row in ("a-h1", "base"))
    assert value is not None
    assert base is not None
    assert value.mean == pytest.approx(statistics.fmean(scores["a-h1"]))
    assert value.deviation == pytest.approx(statistics.stdev(scores["a-h1"]))
    assert value.difference == pytest.approx(value.mean - base.mean)
    assert base.difference is None


def test_one_seed_has_no_deviation(bench: Bench) -> None:
    table = table_of(bench.write(PLANS[:3], seeds=(7,)))
    assert all(
        value is None or value.deviation is None for row in table.values.values() for value in row
    )


def test_differences_are_those_of_the_seeds_that_both_have(bench: Bench) -> None:
    folder = bench.write(PLANS[:2], missing=["a-h1-seed1"])
    for name, loss in (("base-seed1", 99.0), ("base-seed2", 2.0), ("a-h1-seed2", 3.0)):
        bench.change(f"rows/{name}/result.json", scores={"valid_ppl": loss})
    bench.change("ablation.json", columns=["valid_ppl"])
    (value,) = table_of(folder).values["a-h1"]
    assert value is not None
    assert value.difference == 1.0


def test_sizes_are_blank_where_they_are_the_base(bench: Bench) -> None:
    table = table_of(bench.write())
    sizes = {row: values[0] for row, values in table.values.items()}
    assert sizes["a-h1"] is None
    assert sizes["base"] is not None
    assert sizes["b-dk8"] is not None


@pytest.mark.quick
def test_failed_and_missing_rows_say_so(bench: Bench) -> None:
    failures = {"c-n1-seed1": DIVERGED, "c-n1-seed2": DIVERGED, "a-h1-seed2": DIVERGED}
    table = table_of(bench.write(failures=failures, missing=["e-learned-seed1", "e-learned-seed2"]))
    assert row_of(table, "c-n1").state == "diverged"
    assert "seeds 1, 2: the loss or its gradient is not finite" in row_of(table, "c-n1").remark
    assert row_of(table, "e-learned").state == "not run"
    partly = row_of(table, "a-h1")
    assert partly.state == ""
    assert partly.remark.startswith("1 of 2 runs have a result; seed 2: the loss")
    sizes = table.values["c-n1"][0]
    assert sizes is not None, "known before it has run"


@pytest.mark.quick
def test_no_failure_is_a_divergence_for_the_name_of_a_file(bench: Bench) -> None:
    missing = Failure(reason="there is no file data/finance/test.de")
    table = table_of(bench.write(failures={"c-n1-seed1": missing, "c-n1-seed2": missing}))
    assert row_of(table, "c-n1").state == "failed"


def test_the_bootstrap_is_that_of_sacrebleu(bench: Bench) -> None:
    folder = bench.write(PLANS[:3])
    significance = table_of(folder).significance
    references = (bench.text / "test.de").read_text().splitlines()
    for seed in (1, 2):
        systems = [
            (
                row,
                (bench.place(f"{row}-seed{seed}") / "run" / "evaluation-test.txt")
                .read_text()
                .splitlines(),
            )
            for row in ("base", "a-h1", "a-h8")
        ]
        metric = BLEU(force=True, references=[references])
        signatures, results = PairedTest(systems, {"BLEU": metric}, None, test_type="bs")()
        (found,) = (
            each
            for each in significance.compared
            if (each.column, each.seed) == ("test_bleu", seed)
        )
        assert [found.p["a-h1"], found.p["a-h8"]] == [each.p_value for each in results["BLEU"][1:]]
        assert found.signature == str(signatures["BLEU"])
    assert significance.tells_apart("test_bleu", "a-h1")
    assert not significance.tells_apart("test_bleu", "base")


@pytest.mark.quick
def test_every_seed_must_be_significant(bench: Bench) -> None:
    significance = table_of(bench.write(PLANS[:2])).significance
    p = {each.seed: dict(each.p) for each in significance.compared if each.column == "test_bleu"}
    assert max(each["a-h1"] for each in p.values()) < 0.05
    for each in significance.compared:
        if each.seed == 2:
            each.p["a-h1"] = 0.05  # type: ignore[index]
    assert not significance.tells_apart("test_bleu", "a-h1")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda bench: (bench.text / "test.de").unlink(), "test.de"),
        (lambda bench: (bench.text / "test.de").write_text("w001 w002\n" * 40), "have changed"),
        (
            lambda bench: (bench.place("base-seed1") / "run" / "evaluation-test.txt").unlink(),
            "base-seed1 has no evaluation-test.txt",
        ),
    ],
    ids=["references gone", "references changed", "translations gone"],
)
def test_why_there_is_no_bootstrap(bench: Bench, spoil: object, reason: str) -> None:
    folder = bench.write(PLANS[:2])
    spoil(bench)  # type: ignore[operator]
    found = tabulate(folder)
    assert reason in found.results.significance.untested["test_bleu"]
    assert any("No test of the differences in test BLEU" in note for note in found.grid.notes)


@pytest.mark.quick
def test_a_task_without_translations(bench: Bench) -> None:
    folder = bench.write(PLANS[:2], columns=("params", "valid_ppl", "test_ppl"))
    for path in folder.glob("rows/*/result.json"):
        scores = {"valid_ppl": 20.0, "test_ppl": 21.0}
        bench.change(str(path.relative_to(folder)), scores=scores, signatures={})
        for text in path.parent.glob("run/evaluation-*.txt"):
            text.unlink()
    write_reports(tabulate(folder))
    text = (folder / "table.txt").read_text()
    assert "test PPL" in text
    assert "21.00" in text
    assert "BLEU" not in text
    assert "bootstrap" not in text


@pytest.mark.quick
def test_a_column_that_nothing_measures(bench: Bench) -> None:
    folder = bench.write(PLANS[:1], columns=("valid_blue",))
    with pytest.raises(UserError, match="no column valid_blue"):
        table_of(folder)


def test_the_base_says_its_defaults(bench: Bench) -> None:
    bench.write(PLANS[:2])
    expected = {
        "model.attention.bias": "false",
        "model.feed_forward.gated": "false",
        "model.norm.kind": "layer_norm",
        "model.norm": "layer_norm",
        "model.embedding.position": "sinusoidal",
        "model.attention.mask": "all, causal",
        "model.attention.soft_cap": "–",
        "training.optimizer": "adam",
    }
    bench.change("ablation.json", varied=dict.fromkeys(expected, ""))
    table = table_of(bench.folder)
    keys = [setting.keys[0] for setting in table.settings]
    assert dict(zip(keys, table.cells["base"], strict=True)) == expected


@pytest.mark.parametrize(
    ("column", "value", "name", "cell"),
    [
        ("flops", 3.2e12, "FLOPs ×10¹²", "3.20"),
        ("flops", 1.5e8, "FLOPs ×10⁹", "0.15"),
        ("flops", 2.1e17, "FLOPs ×10¹⁵", "210.00"),
        ("params", 65e6, "params ×10⁶", "65.00"),
        ("params", 4321, "params ×10³", "4.32"),
    ],
)
def test_a_size_is_written_in_a_unit_that_shows_it(
    bench: Bench, column: str, value: float, name: str, cell: str
) -> None:
    folder = bench.write(PLANS[:1], seeds=(1,))
    bench.change("ablation.json", columns=[column])
    (queued,) = json.loads((folder / "ablation.json").read_text())["queued"]
    key = {"params": "parameters"}.get(column, column)
    bench.change("ablation.json", queued=[queued | {key: int(value)}])
    grid = tabulate(folder).grid
    assert (grid.columns[-1].name, str(grid.rows[0][-1])) == (name, cell)


@pytest.mark.quick
def test_minutes_of_fast_rows_are_seconds(bench: Bench) -> None:
    folder = bench.write(PLANS[:1], seeds=(1,))
    bench.change("ablation.json", columns=["minutes"])
    bench.change("rows/base-seed1/result.json", scores={"minutes": 0.05})
    grid = tabulate(folder).grid
    assert (grid.columns[-1].name, str(grid.rows[0][-1])) == ("seconds", "3.0")


@pytest.mark.quick
def test_a_row_with_the_translations_of_the_base_is_not_significant(bench: Bench) -> None:
    plans = (PLANS[0], Plan(name="same", group="A", settings={"model.dropout": "0.2"}))
    folder = bench.write(plans, seeds=(1,))
    own, base = (folder / "rows" / f"{row}-seed1" for row in ("same", "base"))
    for file in sorted((base / "run").rglob("*.txt")):
        (own / "run" / file.relative_to(base / "run")).write_bytes(file.read_bytes())
    (own / "result.json").write_bytes((base / "result.json").read_bytes())
    table = table_of(folder)
    value = value_of(table, "same", "test_bleu")
    assert value is not None
    assert (value.difference, value.significant) == (0.0, False)
    assert table.significance.p("test_bleu", "same") == [1.0]


@pytest.mark.quick
@pytest.mark.parametrize("references", ["", ", references: [test.de]"], ids=["one", "several"])
def test_one_sentence_is_not_resampled(bench: Bench, references: str) -> None:
    settings = {"data.test": f"{{source: test.en, target: test.de{references}}}"}
    plans = [replace(each, settings=dict(each.settings) | settings) for each in PLANS[:2]]
    table = table_of(replace(bench, sentences=1).write(plans, seeds=(1,)))
    assert "only one" in table.significance.untested["test_bleu"]
