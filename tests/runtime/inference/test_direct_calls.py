"""Modules without hooks compute what they computed before."""

import copy

import pytest
import torch
from torch import nn

from runtime.inference.direct_calls import call_directly
from runtime.inference.packed_linear import quantized, use_column_major
from tests.runtime.inference.tied import Tied

pytestmark = pytest.mark.quick

TOKENS = torch.arange(7)


@pytest.mark.parametrize("layout", ["as it is", "by columns", "8 bits"])
@torch.inference_mode()
def test_no_number_changes(tied: Tied, layout: str) -> None:
    model: nn.Module = quantized(tied) if layout == "8 bits" else tied
    if layout == "by columns":
        use_column_major(model)
    state, expected = copy.deepcopy(model.state_dict()), model(TOKENS)
    call_directly(model)
    assert model(TOKENS).equal(expected)
    assert all(tensor.equal(state[name]) for name, tensor in model.state_dict().items())


def test_classes_and_parameters_stay_what_they_are(tied: Tied) -> None:
    parameters = list(tied.parameters())
    call_directly(tied)
    assert isinstance(tied, Tied)
    assert isinstance(tied.hidden, nn.Linear)
    assert all(one is other for one, other in zip(tied.parameters(), parameters, strict=True))
    assert tied.hidden.weight is tied._modules["hidden"]._parameters["weight"]


def test_a_module_of_another_network_has_its_hooks(tied: Tied) -> None:
    """The class of a module is shared by all networks."""
    call_directly(copy.deepcopy(tied))
    seen: list[object] = []
    tied.hidden.register_forward_hook(lambda *_: seen.append(_))
    tied(TOKENS)
    assert seen
