"""Linear maps in 8 bits against those in float32."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from runtime.inference.packed_linear import quantized
from tests.runtime.inference.tied import Tied

pytestmark = pytest.mark.quick


@pytest.mark.parametrize("rows", [1, 3, 64])
def test_results_are_near_and_do_not_depend_on_other_calls(tied: Tied, rows: int) -> None:
    tokens = torch.arange(rows) % 50
    with torch.inference_mode():
        small, exact = quantized(tied), tied(tokens)
        found = small(tokens)
        assert small(tokens).equal(found)
    assert type(found) is Tensor
    assert not found.equal(exact)
    assert (found - exact).norm() < 0.03 * exact.norm()


def test_the_product_is_that_of_rounded_numbers(tied: Tied) -> None:
    """Of numbers that 8 bits hold exactly, it is exact."""
    tied.hidden.weight.data = torch.randint(-127, 128, (16, 16)).float()
    tied.hidden.weight.data[:, 0] = 127
    x = torch.randint(0, 128, (5, 16)).float()
    x[0, 0], x[0, 1] = 127, 0
    expected = F.linear(x, tied.hidden.weight, tied.hidden.bias)
    torch.testing.assert_close(quantized(tied).hidden(x), expected)


def test_a_shared_matrix_stays_one_and_embeds_exactly(tied: Tied) -> None:
    tied.second = tied.hidden
    small = quantized(tied)
    assert small.hidden.weight is small.second.weight
    tokens = torch.arange(50)
    assert small.embedding(tokens).equal(tied.embedding(tokens))


def test_the_network_itself_is_left_alone(tied: Tied) -> None:
    before = tied(torch.arange(9))
    quantized(tied)
    assert tied(torch.arange(9)).equal(before)
    assert all(parameter.requires_grad for parameter in tied.parameters())
