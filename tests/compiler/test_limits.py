"""How large a spec may be: what is within the limits is accepted, what is beyond has its place."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

import compiler.mask.parse
from compiler.mask.condition import Block
from compiler.mask.mask import Mask, condition
from compiler.mask.parse import MaskError, parse
from compiler.pipeline import check_spec
from compiler.source import limits
from compiler.source.diagnostic import Rejected
from compiler.spec.load import load
from compiler.spec.lock import lock_text
from compiler.spec.overrides import override_all

pytestmark = pytest.mark.quick

ERRORS = Path(__file__).parents[2] / "compiler" / "source" / "errors.md"


SECTIONS: dict[str, tuple[str, object]] = {
    "self_attention": ("attention", {"heads": 2}),
    "feed_forward": ("feed_forward", {"d_ff": 64}),
    "recurrence": ("recurrence", {"kind": "lstm"}),
    "convolution": ("convolution", {"kind": "gated"}),
    "short_convolution": ("short_convolution", {"width": 3}),
    "linear_attention": ("linear_attention", {"heads": 2}),
    "state_space": ("state_space", {"heads": 2}),
    "delta_net": ("delta_net", {"heads": 2}),
}
"""Of each sub-layer, the key below `model:` that sets it, with settings."""


def written(
    folder: Path,
    decoder: dict[str, object],
    *,
    names: Sequence[str] = ("self_attention", "feed_forward"),
    **model: object,
) -> str:
    """The path of a language model with this decoder, whose layers have sub-layers of these names.

    `model` holds what is written beside.
    """
    spec = {
        "name": "limits",
        "task": "language_model",
        "model": {
            "d_model": 32,
            "vocabulary": {"size": 100},
            **dict(SECTIONS[name] for name in names),
            "decoder": decoder,
            **model,
        },
        "data": {"train": {"text": "a"}, "valid": {"text": "b"}},
        "training": {"steps": 100_000, "batch_tokens": 1000},
    }
    path = folder / "spec.yaml"
    path.write_text(yaml.safe_dump(spec, sort_keys=False))
    return str(path)


def refused(path: str, settings: Sequence[str] = ()) -> list[str]:
    """The codes and messages of all mistakes in a spec, each of which has a place."""
    with pytest.raises(Rejected) as rejected:
        check_spec(path, settings)
    assert all(each.span.line for each in rejected.value.diagnostics)
    return [f"{each.code}: {each.message}" for each in rejected.value.diagnostics]


def kinds(count: int, repeat: int = 1) -> list[dict[str, object]]:
    """Kinds of layers, each of its own width."""
    return [{"repeat": repeat, "dropout": number / 10_000} for number in range(count)]


def test_a_stack_has_a_bounded_number_of_kinds(tmp_path: Path) -> None:
    most = limits.LAYER_KINDS
    spec = check_spec(written(tmp_path, {"layers": kinds(most)})).spec
    assert spec.model.decoder is not None
    assert len(spec.model.decoder.layers) == most
    found = refused(written(tmp_path, {"layers": kinds(most + 1)}))
    assert found == ["bad-value: expected at most 256 kinds of layers, got 257"]


def test_200_layers_of_100_kinds_are_accepted(tmp_path: Path) -> None:
    assert check_spec(written(tmp_path, {"layers": kinds(100, repeat=2)}))


def test_a_stack_has_a_bounded_number_of_layers(tmp_path: Path) -> None:
    assert check_spec(written(tmp_path, {"layers": kinds(2, repeat=limits.LAYERS // 2)}))
    found = refused(written(tmp_path, {"layers": kinds(2, repeat=limits.LAYERS // 2 + 1)}))
    assert found == ["bad-value: a stack has at most 1,000 layers, and these are 1,002"]


@pytest.mark.parametrize("inside", [False, True], ids=["in-order", "side-by-side"])
@pytest.mark.parametrize("below", [False, True], ids=["stack", "layers"])
def test_a_block_has_a_bounded_number_of_sub_layers(
    tmp_path: Path, inside: bool, below: bool
) -> None:
    def stack(count: int) -> dict[str, object]:
        names: list[object] = ["self_attention"] * count
        block = [names] if inside else names
        return {"layers": [{"block": block}]} if below else {"layers": 2, "block": block}

    assert check_spec(written(tmp_path, stack(limits.BLOCK_LENGTH), names=["self_attention"]))
    found = refused(written(tmp_path, stack(limits.BLOCK_LENGTH + 1), names=["self_attention"]))
    assert found == ["bad-value: expected at most 32 sub-layers of a block, got 33"]


def test_tens_of_thousands_of_kinds_are_refused_before_they_inherit(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    text = Path(written(tmp_path, {"layers": 1})).read_text()
    path.write_text(text.replace("layers: 1", f"layers: [{'{},' * 20_000}]"))
    assert refused(str(path)) == ["bad-value: expected at most 256 kinds of layers, got 20,000"]


def test_groups_of_heads_are_bounded(tmp_path: Path) -> None:
    masks = [{"heads": 1, "mask": "causal"} for _ in range(limits.HEAD_GROUPS + 1)]
    path = written(tmp_path, {"layers": 1, "self_attention": {"heads": len(masks), "mask": masks}})
    assert refused(path) == ["bad-value: expected a list of at most 6, got a list of 7"]


def test_a_command_takes_a_bounded_number_of_settings() -> None:
    most = [f"training.steps={number}" for number in range(limits.SETTINGS)]
    assert len(override_all(most)) == limits.SETTINGS
    with pytest.raises(Rejected, match="one setting too many"):
        override_all([*most, "training.steps=1"])


def test_a_key_is_not_deeper_than_a_file_may_be() -> None:
    with pytest.raises(Rejected, match="bad-override"):
        override_all([".".join(["a"] * 3000) + "=1"])


def test_a_spec_has_a_bounded_number_of_ancestors(tmp_path: Path) -> None:
    written(tmp_path, {"layers": 1})
    (tmp_path / "spec.yaml").rename(tmp_path / "s0.yaml")
    for number in range(1, 1001):
        text = f"name: s{number}\nextends: s{number - 1}.yaml\n"
        (tmp_path / f"s{number}.yaml").write_text(text)
    assert check_spec(str(tmp_path / f"s{limits.ANCESTORS}.yaml"))
    found = refused(str(tmp_path / "s1000.yaml"))
    assert found == [
        "bad-parent: this is one parent too many: 100 specs already extend one another"
    ]


@pytest.mark.parametrize(
    "setting",
    [
        "model.d_model=1000000000000000000000000000000",
        "model.attention.heads=1000000000",
        "model.vocabulary.size=1000000000000000000",
        "data.max_length=1000000000000000000",
        "model.decoder.layers=1000000000",
        "model.decoder.position={kind: learned, max_length: 1000000000000000000}",
        f"model.d_model={'9' * 5000}",
    ],
    ids=lambda setting: setting[:30],
)
def test_an_absurd_number_has_its_place(tmp_path: Path, setting: str) -> None:
    found = refused(written(tmp_path, {"layers": 1}), [setting])
    assert [each.partition(":")[0] for each in found] == ["bad-value"]


def test_the_page_of_errors_has_the_limits() -> None:
    page = ERRORS.read_text()
    for number in (limits.LAYERS, limits.LAYER_KINDS, limits.BLOCK_LENGTH, limits.HEAD_GROUPS):
        assert f" {number:,} " in page
    for number in (limits.ANCESTORS, limits.SETTINGS):
        assert f" {number}" in page


def test_a_mask_is_probed_only_as_far_as_it_needs_itself(tmp_path: Path) -> None:
    """A wide window in another layer makes no work of a small mask with conditions."""
    masks = ["block(2) & ~strided(2) | window(0)", "causal & window(200)"]
    layers = [{"self_attention": {"mask": mask}} for mask in masks]
    assert check_spec(written(tmp_path, {"layers": layers}))


def test_a_mask_without_a_stable_form_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    forms = iter(range(1, 100_000))

    def another_each_time(_: str) -> Mask:
        return condition(Block(next(forms)))

    monkeypatch.setattr(compiler.mask.parse, "_read", another_each_time)
    with pytest.raises(MaskError):
        parse("window(31415) & block(92653)")
    assert next(forms) < 20


@pytest.mark.parametrize(
    ("initialization", "block", "instead"),
    [
        ("fairseq", ["convolution", "feed_forward"], "xavier"),
        ("fairseq", ["recurrence"], "xavier"),
        ("scaled", ["recurrence"], "normal"),
    ],
)
def test_an_initialization_without_effect_is_refused(
    tmp_path: Path, initialization: str, block: list[str], instead: str
) -> None:
    stack: dict[str, object] = {"layers": 2, "block": block}
    path = written(tmp_path, stack, names=block, initialization=initialization)
    (found,) = refused(path)
    assert found.startswith(f"unused-key: `{initialization}` has no effect here")
    assert check_spec(path, [f"model.initialization={instead}"])


def test_an_initialization_gives_way_to_a_child_without_attention(tmp_path: Path) -> None:
    """What the parent wrote is no mistake of the child, nor of its lock."""
    block = ["self_attention", "feed_forward"]
    written(tmp_path, {"layers": 2, "block": block}, initialization="fairseq")
    (tmp_path / "spec.yaml").rename(tmp_path / "parent.yaml")
    child = tmp_path / "child.yaml"
    child.write_text(
        "name: child\nextends: parent.yaml\nmodel: {convolution: {kind: gated}, attention: null, "
        "decoder: {block: [convolution, feed_forward]}}\n"
    )
    spec = load(str(child)).spec
    assert spec.model.initialization.kind == "xavier"
    lock = tmp_path / "lock.yaml"
    lock.write_text(lock_text(spec))
    assert load(str(lock)).spec == spec


@pytest.mark.parametrize(
    ("initialization", "block", "more"),
    [
        ("fairseq", ["self_attention"], {}),
        ("scaled", ["convolution"], {}),
        ("scaled", ["short_convolution"], {}),
        ("scaled", ["linear_attention"], {}),
        ("scaled", ["state_space", "delta_net"], {}),
        ("scaled", ["recurrence"], {"recurrence": {"kind": "lstm", "d_hidden": 16}}),
    ],
)
def test_an_initialization_with_effect_is_accepted(
    tmp_path: Path, initialization: str, block: list[str], more: dict[str, object]
) -> None:
    stack: dict[str, object] = {"layers": 2, "block": block}
    path = written(tmp_path, stack, names=block, initialization=initialization, **more)
    assert check_spec(path).spec.model.initialization.kind == initialization


def test_kinds_of_layers_do_not_take_turns_with_each_other(tmp_path: Path) -> None:
    (found,) = refused(written(tmp_path, {"distinct": 1, "layers": kinds(2)}))
    assert found.startswith("unused-key: `distinct: 1` has no effect here")
    layers = [{"repeat": 2}, {"dropout": 0.1}]
    spec = load(written(tmp_path, {"distinct": 1, "layers": layers})).spec
    lock = tmp_path / "lock.yaml"
    lock.write_text(lock_text(spec))
    assert load(str(lock)).spec == spec
    assert check_spec(written(tmp_path, {"distinct": 6, "layers": 6}))


def test_a_training_of_one_update_is_said_to_be_of_one() -> None:
    found = check_spec("demo", ["training.steps=1", "training.schedule.warmup_steps=1"])
    said = [each.message for each in found.warnings if each.code == "late-look"]
    assert len(said) == 1
    assert said[0].endswith("the training ends after 1 update")
