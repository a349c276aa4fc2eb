"""Trees over trees: `extends`, `--set`, inheritance inside `model:`."""

from pathlib import Path

import pytest

from compiler.ir.verify import CompilerBug
from compiler.lower.settings import checked
from compiler.pipeline import compile_spec
from compiler.source.diagnostic import Rejected
from compiler.spec.inherit import written_at
from compiler.spec.load import load

pytestmark = pytest.mark.quick


def test_a_word_of_the_parent_gives_way_key_by_key() -> None:
    loaded = load("transformer-base", ["model.embedding.position.layout=concatenated"])
    position = loaded.spec.model.encoder.position
    assert (position.kind, position.layout) == ("sinusoidal", "concatenated")


def test_another_kind_replaces_the_mapping() -> None:
    loaded = load("transformer-base", ["model.embedding.position=learned", "data.max_length=99"])
    assert loaded.spec.model.encoder.position.kind == "learned"


@pytest.mark.parametrize(
    "setting",
    [
        *("model.norm=rms_norm", "model.encoder.norm=none", "model.initialization=fairseq"),
        *("data.tokenizer=segmented", "training.optimizer=sgd", "training.schedule=constant"),
    ],
)
def test_a_word_is_the_mapping_with_that_kind(setting: str) -> None:
    path, _, word = setting.partition("=")
    assert load("demo", [setting]).spec == load("demo", [f"{path}.kind={word}"]).spec
    assert load("demo", [setting]).spec != load("demo").spec


def test_a_word_that_is_no_kind_is_shown_with_those_that_are() -> None:
    with pytest.raises(Rejected, match="rms_norm") as rejected:
        load("demo", ["model.norm=rms"])
    assert str(rejected.value).startswith("--set:1:12: error[")


def test_another_optimizer_than_the_default_replaces_its_settings() -> None:
    """The parent says `eps: 1e-8` alone, which is Adam's."""
    sgd = load("multi30k-tiny", ["training.optimizer.kind=sgd", "training.schedule.peak=0.3"])
    assert sgd.spec.training.optimizer.model_dump() == {
        "kind": "sgd",
        "momentum": 0.9,
        "nesterov": False,
    }
    assert [each.path for each in sgd.dropped] == [("training", "optimizer", "eps")]


def test_another_schedule_than_the_default_keeps_what_all_have() -> None:
    cosine = load("demo", ["training.schedule.kind=cosine"]).spec.training.schedule
    assert (cosine.kind, cosine.warmup_steps, cosine.peak) == ("cosine", 200, 0.003)


def test_the_more_precise_place_wins() -> None:
    settings = ["model.attention.heads=4", "model.decoder.cross_attention.heads=16"]
    model = load("transformer-base", settings).spec.model
    assert model.encoder.layers[0].self_attention.heads == 4
    assert model.decoder.layers[0].self_attention.d_k == 128
    assert model.decoder.layers[0].cross_attention.d_k == 32


def test_widths_written_at_the_model_free_every_place_from_it() -> None:
    widths = ["model.attention.heads=7", "model.attention.d_k=16", "model.attention.d_v=64"]
    assert load("transformer-base", widths).spec.model.encoder.layers[0].self_attention.d_k == 16


def test_nothing_removes_a_key_of_the_parent() -> None:
    loaded = load("multi30k-tiny", ["training.clip_norm=null"])
    assert loaded.spec.training.clip_norm is None


def test_nothing_in_place_of_a_mask_is_the_mask_of_the_place() -> None:
    settings = ["model.attention.mask=all", "model.decoder.self_attention.mask=null"]
    model = load("transformer-base", settings).spec.model
    assert model.decoder.layers[0].self_attention.mask == "causal"
    assert model.encoder.layers[0].self_attention.mask == "all"


def test_name_and_summary_are_a_spec_s_own(tmp_path: Path) -> None:
    child = tmp_path / "child.yaml"
    child.write_text("extends: transformer-base\nname: child\n")
    assert load(str(child)).spec.summary == ""
    child.write_text("extends: transformer-base\n")
    with pytest.raises(Rejected, match="`name` is missing"):
        load(str(child))


@pytest.mark.parametrize(
    ("setting", "column"),
    [
        ("model.attention.heads=7", 23),
        ("model.d_model=!!str 5", 15),
        ("name=#", 6),
        ("extends=demo", 1),
        ("no setting", 1),
    ],
)
def test_a_wrong_setting_is_shown_in_its_argument(setting: str, column: int) -> None:
    with pytest.raises(Rejected) as rejected:
        load("demo", [setting])
    (diagnostic,) = rejected.value.diagnostics
    assert diagnostic.span.source.text == setting
    assert diagnostic.span.column == column


DECODINGS = [
    (("beam: 8, length_penalty: 1.0", "sampling: {temperature: 0.8}"), "language-model"),
    (("beam: 8, length_penalty: 1.0, stop: certain, normalization: length", "beam: 1"), "demo"),
    (("sampling: {temperature: 0.8, top_p: 0.9, seed: 4}", "sampling: {top_k: 1}"), None),
]


@pytest.mark.quick
@pytest.mark.parametrize(("decodings", "base"), DECODINGS)
def test_what_a_child_leaves_without_effect_is_no_mistake_of_its_lock(
    decodings: tuple[str, str], base: str | None, tmp_path: Path
) -> None:
    parent, child = (tmp_path / f"{name}.yaml" for name in ("parent", "child"))
    base = base or "language-model"
    parent.write_text(f"extends: {base}\nname: parent\ndecoding: {{{decodings[0]}}}\n")
    child.write_text(f"extends: parent.yaml\nname: child\ndecoding: {{{decodings[1]}}}\n")
    package = compile_spec(str(child))
    lock = tmp_path / "spec.lock.yaml"
    lock.write_text(package.files["spec.lock.yaml"])
    assert load(str(lock)).spec.decoding == package.spec.decoding


@pytest.mark.quick
def test_the_command_line_makes_no_mistake_of_what_a_file_has(tmp_path: Path) -> None:
    path = tmp_path / "q.yaml"
    path.write_text("extends: demo\nname: q\ndecoding: {beam: 5, length_penalty: 1.0}\n")
    assert load(str(path), ["decoding.beam=1"]).spec.decoding.beam == 1
    with pytest.raises(Rejected, match="`length_penalty` has no effect with `beam: 1`"):
        load(str(path), ["decoding.beam=1", "decoding.length_penalty=2.0"])


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("model.decoder.layers.self_attention.dropout", 0.25),
        ("model.decoder.layers.cross_attention.bias", True),
        ("model.decoder.layers.feed_forward.d_ff", 96),
        ("model.decoder.layers.dropout", 0.25),
        ("model.decoder.norm.eps", 0.01),
        ("model.decoder.position.kind", "learned"),
        ("training.seed", 7),
    ],
)
def test_a_setting_is_inherited_from_each_place_that_the_table_names(
    path: str, value: object
) -> None:
    for place in written_at(tuple(path.split("."))):
        if "layers" in place:
            continue
        found: object = load("transformer-base", [f"{'.'.join(place)}={value}".lower()]).spec
        for step in path.split("."):
            found = getattr(found[0] if isinstance(found, list) else found, step)
        assert found == value, place


def test_a_place_that_no_setting_has_is_a_bug_of_the_compiler() -> None:
    loaded = load("demo")
    origin = checked(loaded.origin, loaded.spec)
    assert origin("model.decoder.layers.0.self_attention.mask")
    for wrong in ("model.decoder.self_attention.mask", "model.decoder.layers.0.attention"):
        with pytest.raises(CompilerBug, match=wrong):
            origin(wrong)
