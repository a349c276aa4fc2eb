"""Groups of heads with masks of their own, each in its own form and with its own cache."""

import importlib
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor

from compiler.mask.parse import parse
from compiler.mask.relation import rows
from compiler.pipeline import compile_spec
from compiler.source.diagnostic import Rejected
from tests.compiler.test_planted_leaks import emitted_tests
from tests.support.packages import import_package

SMALL = (
    *("model.d_model=16", "model.attention.heads=4", "model.feed_forward.d_ff=8"),
    *("model.vocabulary.size=20", "model.encoder.layers=1", "model.decoder.layers=1"),
)
MASKS = {
    "encoder.self_attention": ("window(1)", "block(3)"),
    "decoder.self_attention": ("causal & window(2)", "causal & dilated(3)"),
    "decoder.cross_attention": ("first(3)", "causal | window(1)"),
}
SHARED = "model.attention.kv_heads=2"


def written(first: str, others: str, heads: int = 2) -> str:
    """Masks of the first of four heads and of the others."""
    return f'[{{heads: {heads}, mask: "{first}"}}, {{heads: {4 - heads}, mask: "{others}"}}]'


SETTINGS = tuple(f"model.{place}.mask={written(*masks)}" for place, masks in MASKS.items())


def texts() -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    return torch.randint(1, 20, (2, 11)), torch.randint(1, 20, (2, 11))


def network(folder: Path, *settings: str) -> ModuleType:
    return import_package(compile_spec("demo", (*SMALL, *settings)), folder)


@pytest.mark.quick
@pytest.mark.parametrize("others", [(), (SHARED,)])
def test_each_head_reads_by_its_own_mask(others: tuple[str, ...], tmp_path: Path) -> None:
    package = network(tmp_path, *SETTINGS, *others)
    shown = importlib.import_module(f"{package.__name__}.attention_weights")
    found = shown.attention_weights(package.Model().eval(), *texts())
    for name, weights in found.items():
        masks = MASKS[name.replace("layers.0.", "")]
        for head in range(4):
            mask = masks[head // 2]
            allowed = [[row >> j & 1 for j in range(11)] for row in rows(parse(mask), 11)]
            assert torch.equal(weights[0, head] > 0, torch.tensor(allowed).bool()), (name, head)


@pytest.mark.quick
def test_groups_of_one_mask_are_all_heads(tmp_path: Path) -> None:
    """Whatever the groups, the network is the same."""
    place = "model.decoder.self_attention.mask"
    masks = ("causal", written("causal", "causal", 1), written("causal", "causal", 3))
    models = [network(tmp_path, f"{place}={mask}").Model().eval() for mask in masks]
    for model in models:
        model.load_state_dict(models[0].state_dict())
    expected, *others = (model(*texts()) for model in models)
    for got in others:
        torch.testing.assert_close(got, expected)


PLANTED = {
    "heads that change places": ("(mixed_a, mixed_b)", "(mixed_b, mixed_a)"),
    "a cache that forgets too early": ("return i - j <= 2", "return i - j <= 1"),
    "keys of the other group": (
        "query_local, key_local, value_local, decoder_local_reads",
        "query_local, key_global, value_local, decoder_local_reads",
    ),
    "one mask for all heads": (
        "ancestry.visible_slots(decoder_global_reads, slots_global)",
        "ancestry.visible_slots(decoder_local_reads, slots_global)",
    ),
}


@pytest.mark.parametrize("settings", [SETTINGS, (*SETTINGS, SHARED)])
def test_the_emitted_tests_pass(settings: tuple[str, ...], tmp_path: Path) -> None:
    compile_spec("demo", (*SMALL, *settings)).write(tmp_path / "package")
    done = emitted_tests(tmp_path / "package")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("planted", PLANTED)
def test_what_is_planted_is_caught(planted: str, tmp_path: Path) -> None:
    package = compile_spec("demo", (*SMALL, *SETTINGS))
    package.write(tmp_path / "package")
    right, wrong = PLANTED[planted]
    assert right in package.files["model.py"]
    text = package.files["model.py"].replace(right, wrong)
    (tmp_path / "package" / "model.py").write_text(text)
    done = emitted_tests(tmp_path / "package")
    assert done.returncode == 1, done.stdout
    assert "AssertionError" in done.stdout


def test_masks_that_are_too_many_together() -> None:
    many = [" | ".join(f"dilated({n})" for n in range(low, low + 40)) for low in (101, 141)]
    with pytest.raises(Rejected, match="these masks together have too many alternatives"):
        compile_spec("demo", (*SMALL, f"model.encoder.self_attention.mask={written(*many)}"))
