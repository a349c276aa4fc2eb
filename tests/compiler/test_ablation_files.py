"""The files of ablations: their mistakes, golden, and the rows that they mean."""

import os
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.ablation.expand import Expansion, expand, expand_tuning
from compiler.ablation.read import read_ablation
from compiler.source.diagnostic import Rejected
from compiler.spec.load import load
from compiler.spec.lock import LOCK, read_lock
from compiler.spec.spec import Spec
from tests.support.mutations import require_inside, scribble
from tests.support.table3 import PAPER, reference

pytestmark = pytest.mark.quick

ROOT = Path(__file__).parents[2]
FILES = ROOT / "tests" / "ablation_files"
TABLE3 = ROOT / "specs" / "ablations" / "table3.yaml"
SMALL = ROOT / "specs" / "ablations" / "table3-small.yaml"
NO_AVERAGE = "evaluation.average_last=1"
"""Section 6.2."""
NAMES = {
    "h": "heads-{}",
    "dk": "d_k-{}",
    "n": "layers-{}",
    "d": "d_model-{}",
    "ff": "d_ff-{}",
    "drop": "dropout-0.{}",
    "ls": "smoothing-0.{}",
}
"""What rows are called in the file, by what their specs are."""


@pytest.mark.parametrize("case", sorted(each.name for each in FILES.iterdir()))
def test_mistakes_are_shown_at_their_line(
    case: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(FILES)
    with pytest.raises(Rejected) as rejected:
        _expand_all(Path(case, "ablation.yaml"))
    path, text = FILES / case / "diagnostics.txt", f"{rejected.value}\n"
    text = text.replace(str(ROOT), "...")
    if request.config.getoption("--update-golden"):
        assert not os.environ.get("CI"), "expected outputs are not rewritten in CI"
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text


def _expand_all(path: Path) -> None:
    """Expands the rows and the short runs by which they choose."""
    expand(path)
    expand_tuning(path)


@pytest.fixture(scope="module")
def table3() -> Expansion:
    return expand(TABLE3)


def named(row: str) -> str:
    """What a row of `specs/ablations/table3` is called in `table3.yaml`."""
    word = row.partition("-")[2]
    if not word:
        return row
    key = word.rstrip("0123456789")
    return NAMES.get(key, key).format(word.removeprefix(key))


def bare(spec: Spec) -> Spec:
    return spec.model_copy(update={"name": "", "summary": ""})


@pytest.mark.parametrize("row", PAPER)
def test_every_row_of_table_3_is_the_spec_of_that_row(row: str, table3: Expansion) -> None:
    (found,) = (each for each in table3.rows if each.name == named(row))
    expected = load(reference(row), [NO_AVERAGE]).spec
    assert bare(found.spec) == bare(expected)


@pytest.mark.parametrize("path", [TABLE3, SMALL], ids=["paper", "small"])
def test_both_tables_have_the_rows_of_the_paper(path: Path) -> None:
    rows = expand(path).rows
    groups = [each.group for each in rows]
    assert {group: groups.count(group) for group in groups} == {
        **{"": 1, "A": 4, "B": 2, "C": 7, "D": 4, "E": 1, "big": 1}
    }


def test_the_base_says_what_it_has_where_rows_differ(table3: Expansion) -> None:
    assert table3.varied == {
        "model.attention.heads": "8",
        "model.attention.d_k": "64",
        "model.encoder.layers": "6",
        "model.decoder.layers": "6",
        "model.d_model": "512",
        "model.feed_forward.d_ff": "2048",
        "model.dropout": "0.1",
        "training.label_smoothing": "0.1",
        "model.embedding.position": "sinusoidal",
        "training.steps": "100000",
    }
    assert table3.rows[-1].settings == {
        "model.d_model": "1024",
        "model.dropout": "0.3",
        "model.attention.heads": "16",
        "model.feed_forward.d_ff": "4096",
        "training.steps": "300000",
    }


def written(folder: Path, text: str) -> Path:
    path = folder / "ablation.yaml"
    path.write_text(text, encoding="utf-8", newline="")
    return path


RIGHT = """\
ablation: small
base: demo
set: {training.steps: 900}
seeds: [3, 4]
groups:
  A: {grid: {model.attention.heads: [1, 2], model.dropout: [0.0, 0.2]}}
  B:
    grid: {model.encoder.layers: [1], model.decoder.layers: [1, 3]}
    rows:
      - {name: rms, set: {model.norm: {kind: rms_norm}, "model.feed_forward.activation": gelu}}
columns: [params, valid_bleu]
"""


def test_a_grid_has_all_combinations(tmp_path: Path) -> None:
    found = expand(written(tmp_path, RIGHT))
    assert [each.name for each in found.rows] == [
        "base",
        "heads-1-dropout-0.0",
        "heads-1-dropout-0.2",
        "heads-2-dropout-0.0",
        "heads-2-dropout-0.2",
        "model-encoder-layers-1-model-decoder-layers-1",
        "model-encoder-layers-1-model-decoder-layers-3",
        "rms",
    ]
    assert found.rows[4].settings == {"model.attention.heads": "2", "model.dropout": "0.2"}
    assert found.rows[7].settings == {
        "model.norm.kind": "rms_norm",
        "model.feed_forward.activation": "gelu",
    }
    assert found.varied["model.norm.kind"] == "layer_norm"
    assert {each.spec.training.steps for each in found.rows} == {900}


def test_the_file_of_the_guide_is_right(tmp_path: Path) -> None:
    guide = (ROOT / "docs" / "ablations.md").read_text("utf-8")
    example = guide.split("```yaml\n")[1].split("```")[0]
    found = expand(written(tmp_path, example))
    assert [each.name for each in found.rows][-2:] == ["rms", "big"]
    assert len(found.rows) == 10


def test_seeds_are_all_that_the_runs_of_a_row_differ_in(tmp_path: Path) -> None:
    row = expand(written(tmp_path, RIGHT)).rows[1]
    one, other = row.files(3), row.files(4)
    assert [name for name in one if one[name] != other[name]] == [LOCK]
    for seed, files in ((3, one), (4, other)):
        (tmp_path / "lock.yaml").write_bytes(files[LOCK])
        assert read_lock(tmp_path / "lock.yaml") == row.spec_with(seed)


def test_a_setting_of_the_command_line_is_for_all_rows(tmp_path: Path) -> None:
    found = expand(written(tmp_path, RIGHT), ["training.steps=950", "data.folder=elsewhere"])
    assert {each.spec.training.steps for each in found.rows} == {950}
    assert {each.spec.data.folder for each in found.rows} == {"elsewhere"}
    with pytest.raises(Rejected, match="seed-setting"):
        expand(written(tmp_path, RIGHT), ["training.seed=4"])


def test_the_code_of_a_row_says_which_it_is(tmp_path: Path) -> None:
    base, row, *_ = expand(written(tmp_path, RIGHT)).rows
    assert "row heads-1-dropout-0.0 of the ablation small" in row.package.files["model.py"]
    assert base.spec.summary in " ".join(base.package.files["model.py"].split())


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32 - 1), times=st.integers(1, 3))
def test_a_broken_file_is_explained_inside_it(seed: int, times: int, tmp_path: Path) -> None:
    chance, text = random.Random(seed), RIGHT
    for _ in range(times):
        text = scribble(text, chance)
    path = written(tmp_path, text)
    try:
        read_ablation(path)
    except Rejected as rejected:
        require_inside(rejected.diagnostics, path, text)


TUNED = """\
ablation: small
base: demo
set: {training.steps: 900}
tune: {key: training.schedule.peak, values: [0.001, 0.01], set: {training.steps: 300}}
parameters_within: 0.5
groups:
  A:
    rows:
      - {name: one, set: {model.attention.heads: 1}, tune: [0.002, 0.02, 0.03]}
      - {name: two, set: {model.attention.heads: 2}}
"""


def test_short_runs_have_the_settings_of_rows_and_of_the_choice(tmp_path: Path) -> None:
    tuned = expand_tuning(written(tmp_path, TUNED))
    assert tuned is not None
    assert {row.name: row.spec.training.schedule.peak for row in tuned.runs.rows} == {
        **{"base-0.001": 0.001, "base-0.01": 0.01},
        **{"one-0.002": 0.002, "one-0.02": 0.02, "one-0.03": 0.03},
        **{"two-0.001": 0.001, "two-0.01": 0.01},
    }
    assert {row.spec.training.steps for row in tuned.runs.rows} == {300}
    assert {row.spec.model.decoder.layers[0].self_attention.heads for row in tuned.runs.rows} == {
        *(1, 2, 4)
    }
    assert tuned.runs.columns == ("params", "valid_loss")


def test_rows_have_what_they_have_chosen(tmp_path: Path) -> None:
    path = written(tmp_path, TUNED)
    rows = expand(path, choices={"base": 1, "one": 2, "two": 0}).rows
    assert [row.spec.training.schedule.peak for row in rows] == [0.01, 0.03, 0.001]
    assert {row.spec.training.steps for row in rows} == {900}
    assert [row.settings.get("training.schedule.peak") for row in rows] == [None, "0.03", "0.001"]


def test_the_command_line_does_not_set_what_rows_choose(tmp_path: Path) -> None:
    with pytest.raises(Rejected, match="is what each row chooses"):
        expand(written(tmp_path, TUNED), ["training.schedule.peak=0.1"])
