"""Matrices column by column against the same row by row."""

import copy

import pytest
import torch
from torch import nn

from runtime.inference.packed_linear import use_column_major
from tests.runtime.inference.tied import Tied

pytestmark = pytest.mark.quick


@pytest.mark.parametrize("rows", [1, 4, 300])
def test_results_are_the_same_but_for_rounding(tied: Tied, rows: int) -> None:
    tokens = torch.arange(rows) % 50
    with torch.inference_mode():
        expected = tied(tokens)
        use_column_major(tied)
        torch.testing.assert_close(tied(tokens), expected, rtol=1e-5, atol=1e-6)


def test_no_number_changes(tied: Tied) -> None:
    expected = copy.deepcopy(tied.state_dict())
    use_column_major(tied)
    assert tied.hidden.weight.t().is_contiguous()
    for name, tensor in tied.state_dict().items():
        assert tensor.equal(expected[name])


def test_a_table_looks_up_rows_that_lie_together(tied: Tied) -> None:
    """Rows of a table by columns would be gathered number by number."""
    use_column_major(tied)
    assert tied.embedding.weight.is_contiguous()
    assert type(tied.embedding(torch.arange(4))) is torch.Tensor


def test_a_matrix_with_two_uses_stays_one(tied: Tied) -> None:
    tied.second = tied.hidden
    tied.target = nn.Embedding(50, 16)
    tied.target.weight = tied.embedding.weight
    tied.output = nn.Linear(16, 50, bias=False)
    tied.output.weight = tied.embedding.weight
    use_column_major(tied)
    assert tied.second.weight is tied.hidden.weight
    assert tied.target.weight is tied.embedding.weight is tied.output.weight
