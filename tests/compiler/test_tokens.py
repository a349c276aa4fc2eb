"""Generated code of a language model speaks of tokens, that of a translation model of a target."""

import re

import pytest

from compiler.pipeline import compile_spec

pytestmark = pytest.mark.quick

POSITIONS = ("sinusoidal", "rotary", "alibi", "relative")


@pytest.mark.parametrize("position", POSITIONS)
def test_a_language_model_has_no_target(position: str) -> None:
    files = compile_spec("language-model", [f"model.embedding.position={position}"]).files
    code = files["model.py"] + files["attention_weights.py"] + files["test_model.py"]
    assert re.findall(r"\btarget\b|target_(?:mask|angle|rotation|bias)", code) == []
    assert "def features(self, tokens: Tensor)" in code
    assert "tokens [batch, position]" in code


def test_a_translation_model_has_one() -> None:
    code = compile_spec("demo", []).files["model.py"]
    assert "def features(self, source: Tensor, target: Tensor)" in code
