"""`functional.py`: the same numbers as those of the model, from functions of tensors alone."""

from pathlib import Path

import pytest
import torch

from compiler.analysis.refusals import is_traceable, why_not_traced
from compiler.pipeline import PROOFS, build, compile_spec
from compiler.spec.load import load
from tests.support.functional import differences, functional_of

pytestmark = pytest.mark.quick

SMALL = ["model.vocabulary={size: 60}", "model.d_model=16"]
ATTENTION = ["model.attention={heads: 4}", "model.feed_forward.d_ff=24"]
CASES = [
    ("demo", ["model.encoder.layers=1"]),
    ("local-global", []),
    ("head-masks", ["model.d_model=32"]),
    ("experts", []),
    ("convolution", []),
    ("documents-apart", []),
    ("alibi", []),
    ("relative", []),
    ("albert", []),
    ("soft-cap", []),
    ("demo", ["model.decoder.self_attention.mask=causal & dilated(2)"]),
    ("demo", ["model.decoder.self_attention.mask=causal & block(4)"]),
    ("demo", ["model.kernel=flex", "model.attention.heads=1"]),
    ("language-model", ["model.embedding.position=sinusoidal"]),
    ("masked-language-model", []),
    ("classifier", []),
]


@pytest.mark.parametrize(("name", "settings"), CASES, ids=str)
def test_the_functions_are_those_of_the_model(
    name: str, settings: list[str], tmp_path: Path
) -> None:
    sizes = SMALL if name == "convolution" else [*SMALL, *ATTENTION]
    package = compile_spec(name, [*sizes, *settings])
    functional, model = functional_of(package, tmp_path)
    assert "functional.py" not in package.files
    with torch.inference_mode():
        for difference in differences(functional, model, 60):
            assert difference.abs().max() < 1e-5


def test_a_state_names_its_tensors_and_their_free_dimensions(tmp_path: Path) -> None:
    functional, _ = functional_of(compile_spec("demo", SMALL), tmp_path)
    assert functional.INPUTS["step"] == {
        "token": {0: "batch", 1: "beam"},
        "parent": {0: "batch", 1: "beam"},
        "position": {},
    }
    kinds = ("key", "value")
    own = [f"decoder.{layer}.self_attention.{each}" for layer in (0, 1) for each in kinds]
    assert (*own, "ancestry.mask") == functional.CHANGED
    assert functional.STATE["decoder.1.cross_attention.value"] == {0: "batch", 2: "source"}
    assert functional.STATE["ancestry.mask"] == {0: "batch", 1: "parents", 2: "slots"}


@pytest.mark.parametrize("kind", ["gru", "lstm"])
def test_a_recurrence_of_the_encoder_says_why_it_has_no_graph(kind: str) -> None:
    loaded = load(kind)
    found = why_not_traced(build(loaded, PROOFS), "forward")
    assert found is not None
    assert found.place == "encoder.layers.recurrence"
    assert "for texts of one length" in found.reason
    assert "recurrence" in found.span.source.line(found.span.line)


@pytest.mark.parametrize("kind", ["gru", "lstm"])
def test_a_recurrence_of_a_decoder_has_steps_and_no_prefill(kind: str, tmp_path: Path) -> None:
    recurrent = [f"model.decoder.recurrence={{kind: {kind}}}", "model.decoder.block=[recurrence]"]
    package = compile_spec("language-model", [*SMALL, *recurrent])
    assert is_traceable(package.model)
    functional, model = functional_of(package, tmp_path)
    assert [*functional.INPUTS] == ["start", "step"]
    with torch.inference_mode():
        for difference in differences(functional, model, 60):
            assert difference.abs().max() < 1e-5


def test_a_list_of_layers_may_be_the_whole_state(tmp_path: Path) -> None:
    """Recurrent layers without positions remember nothing besides one tensor for each layer."""
    recurrent = ["model.decoder.recurrence={kind: gru}", "model.decoder.block=[recurrence]"]
    settings = [*SMALL, *recurrent, "model.embedding.position=none"]
    functional, model = functional_of(compile_spec("language-model", settings), tmp_path)
    assert [*functional.STATE] == [f"decoder.{layer}.hidden" for layer in (0, 1)]
    with torch.inference_mode():
        found = list(differences(functional, model, 60))
    assert found
    assert all(each.abs().max() < 1e-5 for each in found)
