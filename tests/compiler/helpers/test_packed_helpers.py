"""The helpers of packed sentences against loops over the sentences."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention import varlen

from tests.support.helpers import called, rendered, renders

pytestmark = pytest.mark.quick

LENGTHS = (2, 3, 1)
PLACES = sum(LENGTHS)


def packed(helpers: SimpleNamespace, longest: int = 3) -> Any:
    offsets = torch.tensor((0, *LENGTHS)).cumsum(0).int()
    return helpers.Packed(torch.arange(PLACES), offsets, longest)


def by_sentence(x: Tensor) -> tuple[Tensor, ...]:
    """Divide x [1, place, width] into sentences."""
    return x.split(LENGTHS, dim=1)


@renders("Packed", "sentence_numbers", "sentence_lengths", "at_places")
def test_places_know_their_sentences_and_positions() -> None:
    helpers = rendered("sentence_numbers", "sentence_lengths", "at_places")
    sentences = packed(helpers)
    assert helpers.sentence_numbers(sentences).tolist() == [0, 0, 1, 1, 1, 2]
    assert helpers.sentence_lengths(sentences) == list(LENGTHS)
    values = torch.arange(3)[:, None]
    assert helpers.at_places(values, sentences).flatten().tolist() == [0, 1, 0, 1, 2, 0]
    with pytest.raises(ValueError, match="expected at most 2 tokens, got 3"):
        helpers.sentence_lengths(packed(helpers, longest=2))


@renders("packed_mean")
def test_a_mean_is_that_of_a_sentence() -> None:
    helpers, x = rendered("packed_mean"), torch.randn(1, PLACES, 4)
    expected = torch.stack([each.mean(1) for each in by_sentence(x)], dim=1)
    torch.testing.assert_close(helpers.packed_mean(x, packed(helpers)), expected)


@renders("packed_convolution")
@pytest.mark.parametrize("is_causal", [False, True])
def test_a_convolution_reads_one_sentence(is_causal: bool) -> None:
    causal = called("packed_convolution", "layer", "x", "sentences", is_causal="is_causal")
    helpers = rendered(causal if is_causal else "packed_convolution")
    layer, x = nn.Conv1d(4, 5, 3), torch.randn(1, PLACES, 4)
    ends = (2, 0) if is_causal else (1, 1)
    expected = [layer(F.pad(each.transpose(1, 2), ends)) for each in by_sentence(x)]
    settings = {"is_causal": True} if is_causal else {}
    got = helpers.packed_convolution(layer, x, packed(helpers), **settings)
    torch.testing.assert_close(got, torch.cat(expected, dim=2).transpose(1, 2))


@renders("packed_stochastic_depth")
def test_whole_sentences_are_left_out() -> None:
    helpers, x = rendered("packed_stochastic_depth"), torch.ones(1, PLACES, 4)
    sentences, seen = packed(helpers), set()
    assert helpers.packed_stochastic_depth(x, sentences, 0.5, False) is x
    for _ in range(50):
        for each in by_sentence(helpers.packed_stochastic_depth(x, sentences, 0.5, True)):
            assert each.unique().numel() == 1
            seen.add(each[0, 0, 0].item())
    assert seen == {0.0, 2.0}


@renders("packed_attention", "attention_by_sentence", "varlen_attention")
def test_attention_is_that_of_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a GPU the function of PyTorch gets rows of a multiple of eight numbers."""
    arguments = ("query", "key", "value", "queries", "keys")
    helpers = rendered(called("packed_attention", *arguments, window="window"))
    sentences, x = packed(helpers), torch.randn(3, 1, 2, PLACES, 6)
    expected = [
        F.scaled_dot_product_attention(*each, is_causal=True) for each in x.split(LENGTHS, dim=3)
    ]
    got = helpers.packed_attention(*x, sentences, sentences, window=(-1, 0))
    torch.testing.assert_close(got, torch.cat(expected, dim=2))

    def of_values(query: Tensor, key: Tensor, value: Tensor, *_: Any, **settings: Any) -> Tensor:
        assert query.shape == key.shape == value.shape == (PLACES, 2, 8)
        assert settings == {"scale": 6**-0.5, "window_size": (-1, 0)}
        return value

    monkeypatch.setattr(varlen, "varlen_attn", of_values)
    x = x.bfloat16()
    got = helpers.varlen_attention(*x, sentences, sentences, window=(-1, 0))
    assert got.equal(x[2])


@renders("run", "program_of")
def test_a_layer_runs_its_program() -> None:
    helpers = rendered("run", "program_of")
    layer = nn.Linear(2, 2)
    helpers._names["PROGRAMS"] = [(nn.Linear, lambda module, x: module.weight * x)]
    program = helpers.program_of(layer)
    assert helpers.run(program, layer, 3).equal(layer.weight * 3)
    with pytest.raises(TypeError, match="got ReLU"):
        helpers.program_of(nn.ReLU())
    layer.__dict__["run"] = lambda program, x: program(layer, -x)
    assert helpers.run(program, layer, 3).equal(layer.weight * -3)
