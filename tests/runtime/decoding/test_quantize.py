"""Linear maps in 8 bits against those in float32."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from runtime.decoding.quantize import quantized


class Tied(nn.Module):
    """A table that embeds and projects, and a linear map with a bias between."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(50, 16)
        self.hidden = nn.Linear(16, 16)
        self.norm = nn.LayerNorm(16)

    def forward(self, tokens: Tensor) -> Tensor:
        return F.linear(self.norm(self.hidden(self.embedding(tokens))), self.embedding.weight)


@pytest.fixture
def model() -> Tied:
    torch.manual_seed(5)
    return Tied().eval()


@pytest.mark.parametrize("rows", [1, 3, 64])
def test_results_are_near_and_do_not_depend_on_other_calls(model: Tied, rows: int) -> None:
    tokens = torch.arange(rows) % 50
    with torch.inference_mode():
        small, exact = quantized(model), model(tokens)
        found = small(tokens)
        assert small(tokens).equal(found)
    assert type(found) is Tensor
    assert not found.equal(exact)
    assert (found - exact).norm() < 0.03 * exact.norm()


def test_the_product_is_that_of_rounded_numbers(model: Tied) -> None:
    """Of numbers that 8 bits hold exactly, it is exact."""
    model.hidden.weight.data = torch.randint(-127, 128, (16, 16)).float()
    model.hidden.weight.data[:, 0] = 127
    x = torch.randint(0, 128, (5, 16)).float()
    x[0, 0], x[0, 1] = 127, 0
    expected = F.linear(x, model.hidden.weight, model.hidden.bias)
    torch.testing.assert_close(quantized(model).hidden(x), expected)


def test_a_shared_matrix_stays_one_and_embeds_exactly(model: Tied) -> None:
    model.second = model.hidden
    small = quantized(model)
    assert small.hidden.weight is small.second.weight
    tokens = torch.arange(50)
    assert small.embedding(tokens).equal(model.embedding(tokens))


def test_the_network_itself_is_left_alone(model: Tied) -> None:
    before = model(torch.arange(9))
    quantized(model)
    assert model(torch.arange(9)).equal(before)
    assert all(parameter.requires_grad for parameter in model.parameters())
