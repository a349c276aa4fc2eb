"""The settings that differ: as few rows as were written, each with its places."""

from pathlib import Path

import pytest

from compiler.diff.difference import difference
from compiler.diff.operand import of_package, read_operand
from compiler.diff.settings import differences, values_at, values_of
from compiler.diff.settings_diff import Change, Origin
from compiler.pipeline import compile_spec
from tests.support.table3 import ROWS

pytestmark = pytest.mark.quick


def differing(before: str, after: str, *settings: str) -> dict[str, Change]:
    """The changes by their names."""
    second = of_package(compile_spec(after, settings), after) if settings else read_operand(after)
    return {each.setting: each for each in difference(read_operand(before), second).changes}


def follows(change: Change) -> dict[str, tuple[object, object]]:
    return {each.setting: (each.before, each.after) for each in change.follows}


@pytest.mark.usefixtures("here")
def test_one_written_setting_is_one_row_with_what_follows_from_it() -> None:
    (heads,) = differing("base.yaml", "base.yaml", "model.attention.heads=8").values()
    assert (heads.setting, heads.before, heads.after) == ("attention.heads", 4, 8)
    assert heads.origins[0] == Origin(file="base.yaml", line=7, column=22)
    assert heads.origins[1] == Origin(words="--set model.attention.heads=8")
    assert len(heads.fields) == 3
    assert follows(heads) == {
        "attention.d_k": (16, 8),
        "attention.d_v": (16, 8),
        "attention.kv_heads": (4, 8),
    }


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("setting", "name"),
    [
        ("model.decoder.attention.heads=8", "decoder.attention.heads"),
        ("model.decoder.cross_attention.heads=8", "decoder.cross_attention.heads"),
        ("model.encoder.feed_forward.d_ff=64", "encoder.feed_forward.d_ff"),
        ("model.decoder.dropout=0.2", "decoder.dropout"),
        ("model.dropout=0.2", "dropout"),
        ("model.norm.place=pre", "norm.place"),
        ("model.encoder.norm.place=pre", "encoder.norm.place"),
        ("model.encoder.layers=3", "encoder.layers"),
        ("model.embedding.position=rotary", "position"),
        ("model.decoder.position=alibi", "decoder.position"),
        ("model.initialization=scaled", "initialization"),
        ("training.optimizer.kind=adamw", "training.optimizer"),
        ("model.d_model=32", "d_model"),
        ("evaluation.metric=chrf", "evaluation.metric"),
    ],
)
def test_a_row_is_called_after_the_places_that_it_is_true_of(setting: str, name: str) -> None:
    assert list(differing("base.yaml", "base.yaml", setting)) == [name]


@pytest.mark.usefixtures("here")
def test_layers_of_several_kinds_stand_beside_those_of_one() -> None:
    layers = "model.decoder.layers=[{repeat: 3, self_attention: {mask: causal & window(4)}}, {}]"
    found = differing("base.yaml", "base.yaml", layers)
    assert list(found) == ["decoder.layers", "decoder.layers 1-3.self_attention.mask"]
    assert (found["decoder.layers"].before, found["decoder.layers"].after) == (2, 4)


@pytest.mark.usefixtures("here")
def test_a_block_goes_with_the_sub_layers_that_it_has_and_has_not() -> None:
    found = differing("base.yaml", "base.yaml", "model.encoder.block=[self_attention]")
    assert list(found) == ["encoder.block"]
    assert list(follows(found["encoder.block"])) == ["feed_forward"]


@pytest.mark.usefixtures("here")
def test_the_lock_of_a_package_says_what_its_spec_says(tmp_path: Path) -> None:
    compile_spec("variant.yaml").write(tmp_path / "variant")
    written = differing("base.yaml", "variant.yaml")
    locked = differing("base.yaml", str(tmp_path / "variant"))
    assert {name: (each.before, each.after) for name, each in written.items()} == {
        name.replace("encoder.position", "position"): (each.before, each.after)
        for name, each in locked.items()
        if name != "decoder.position"
    }
    assert follows(locked["attention.heads"]) == follows(written["attention.heads"])
    assert differing("variant.yaml", str(tmp_path / "variant")) == {}


def test_names_and_summaries_are_the_title_and_no_difference(tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text("extends: demo\nname: other\nsummary: another\n")
    assert difference(read_operand("demo"), read_operand(str(tmp_path / "other.yaml"))).is_equal


def test_the_rows_of_table_3_differ_in_what_they_write() -> None:
    names = {row: list(differing("transformer-base", str(ROWS / f"{row}.yaml"))) for row in ROW}
    assert names == ROW


ROW = {
    "a-h4": ["attention.heads"],
    "b-dk16": ["attention.d_k"],
    "c-n2": ["encoder.layers", "decoder.layers"],
    "c-d1024": ["d_model"],
    "c-ff1024": ["feed_forward.d_ff"],
    "d-drop0": ["dropout"],
    "d-ls0": ["training.label_smoothing"],
    "e-learned": ["position"],
    "big": ["d_model", "dropout", "attention.heads", "feed_forward.d_ff", "training.steps"],
}


def test_a_dotted_key_comes_to_the_values_that_layers_have() -> None:
    spec = compile_spec("demo", ["model.decoder.attention.heads=8", "model.encoder.layers=3"]).spec
    found = {
        "model.attention.heads": ("4", "8"),
        "model.encoder.attention.heads": ("4",),
        "model.decoder.cross_attention.heads": ("8",),
        "model.encoder.layers": ("3",),
        "model.embedding.position": ("sinusoidal",),
        "training.optimizer": ("adam",),
        "model.attention.soft_cap": (),
    }
    assert values_at(spec, found) == list(found.values())
    assert values_of(spec)["layers"] == "3, 2"


def test_differences_of_complete_specs_are_in_words() -> None:
    one, other = (compile_spec("demo", settings).spec for settings in ([], ["training.steps=1700"]))
    assert differences(one, other) == {"training.steps": ("1200", "1700")}
    assert differences(one, one) == {}
