"""Our networks against other people's with the same weights, which come through a map.

A folder beside this file holds `spec.yaml`, and `build.py` with `build() -> Peer`; the map is that
of the family, in `compiler/weights/families`, or lies in `compiler/weights/maps`.
"""

import pytest

from tests.parity.comparison import MODELS, compare

pytestmark = pytest.mark.quick

CLOSE = 1e-5


@pytest.mark.parametrize("name", MODELS)
def test_logits_agree(name: str) -> None:
    assert compare(name).difference < CLOSE


@pytest.mark.parametrize("name", MODELS)
def test_greedy_tokens_agree(name: str) -> None:
    comparison = compare(name)
    assert comparison.ours == comparison.theirs


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("bart", "model.feed_forward.activation=gelu_tanh"),
        ("bloom", "model.embedding.position=none"),
        ("gemma2", "model.output.soft_cap=2.9"),
        ("glm4", "model.embedding.position.layout=half"),
        ("gpt_neox", "model.embedding.position.fraction=0.5"),
        ("gpt_oss", "model.feed_forward.clamp=0.4"),
        ("llama", "model.embedding.position.base=10000.0"),
        ("mistral", "model.attention.mask=causal & window(3)"),
        ("mistral", "model.attention.mask=causal & window(5)"),
        ("mixtral", "model.feed_forward.experts.active=3"),
        ("t5", "model.embedding.position.max_distance=17"),
    ],
)
def test_a_slightly_other_model_is_told_apart(name: str, setting: str) -> None:
    assert compare(name, setting).difference > 2 * CLOSE
