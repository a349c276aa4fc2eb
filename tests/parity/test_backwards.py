"""Each import map run backwards: the tensors of other people's models come back, bit for bit."""

import importlib
from collections.abc import Mapping

import pytest
import torch
from torch import Tensor

from compiler.pipeline import compile_spec
from compiler.weights.map import read_map
from compiler.weights.parameters import named_parameters
from runtime.weights.importing import described, import_weights
from runtime.weights.inverse import Backwards, export_weights
from tests.parity.comparison import MODELS
from tests.parity.importing import HERE, map_file

pytestmark = pytest.mark.quick

SUMMED = {
    "camembert": "roberta.embeddings.token_type_embeddings.weight",
    "data2vec_text": "data2vec_text.embeddings.token_type_embeddings.weight",
    "ernie": "ernie.embeddings.task_type_embeddings.weight",
    "layoutlm": "layoutlm.embeddings.x_position_embeddings.weight",
    "longformer": "longformer.embeddings.token_type_embeddings.weight",
    "roberta": "roberta.embeddings.token_type_embeddings.weight",
    "roberta_prelayernorm": "roberta_prelayernorm.embeddings.token_type_embeddings.weight",
    "xlm_roberta_xl": "roberta.embeddings.token_type_embeddings.weight",
    "xlm_roberta": "roberta.embeddings.token_type_embeddings.weight",
}
"""Tensors that ours has as a part of a sum: they come back as 0."""
ROUNDED = {
    **{"gemma3": "_norm.weight", "granite": ".weight", "nemotron": "norm.weight"},
    **dict.fromkeys(("qwen3_5", "qwen3_5_moe"), "_norm.weight"),
    **dict.fromkeys(("qwen3_next", "qwen3_next_attention"), "_norm.weight"),
}
"""Ends of the names of tensors that the map computes with: each operation rounds to float32."""


def there_and_back(name: str) -> tuple[Mapping[str, Tensor], Mapping[str, Tensor], Backwards]:
    """Return the tensors of a model, ours made of them, and theirs made of ours."""
    parameters = list(named_parameters(compile_spec(str(HERE / name / "spec.yaml")).model))
    theirs = importlib.import_module(f"tests.parity.{name}.build").build().tensors
    ours = import_weights(parameters, theirs, map_file(name))
    back = export_weights(read_map(map_file(name)), parameters, ours, described(theirs))
    return theirs, ours, back


@pytest.mark.parametrize("name", MODELS)
def test_tensors_come_back(name: str) -> None:
    theirs, _, back = there_and_back(name)
    ignored = read_map(map_file(name)).ignored
    for each in back.unwritten:
        assert any(line.matches(each) for line in ignored), each
    assert all(any(line.matches(each) and line.parts for line in ignored) for each in back.partly)
    for each, tensor in back.tensors.items():
        if name in SUMMED and ("position_embeddings" in each or each == SUMMED[name]):
            continue
        if each.endswith(ROUNDED.get(name, "/")):
            torch.testing.assert_close(tensor, theirs[each], atol=2e-7, rtol=2e-7)
        else:
            assert torch.equal(tensor, theirs[each].float()), each
    assert len(back.tensors) > 10


@pytest.mark.parametrize("name", MODELS)
def test_ours_come_back_from_theirs(name: str) -> None:
    """What is written is imported as it was, sums included."""
    theirs, ours, back = there_and_back(name)
    parameters = list(named_parameters(compile_spec(str(HERE / name / "spec.yaml")).model))
    whole = {each: back.tensors.get(each, tensor) for each, tensor in theirs.items()}
    again = import_weights(parameters, whole, map_file(name))
    for each, tensor in ours.items():
        torch.testing.assert_close(again[each], tensor, atol=0, rtol=2e-7 * (name == "granite"))


@pytest.mark.parametrize("name", SUMMED)
def test_the_first_summand_gets_everything(name: str) -> None:
    _, ours, back = there_and_back(name)
    assert not back.tensors[SUMMED[name]][0].any()
    positions = f"{SUMMED[name].partition('.')[0]}.embeddings.position_embeddings.weight"
    assert torch.equal(back.tensors[positions], ours["source_position.weight"])
