"""The helpers of hyper-connections against their matrices (Zhu et al. 2024, equations 1 to 14)."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.support.helpers import rendered, renders

pytestmark = pytest.mark.quick

STREAMS, WIDTH = 3, 8


def moved(module: nn.Module) -> nn.Module:
    """The module with other weights than those that it starts with."""
    with torch.no_grad():
        for each in module.parameters():
            each += torch.randn(each.shape)
    return module


def output(streams: Tensor, read: Tensor, mix: Tensor, add: Tensor) -> Tensor:
    """The streams of one position behind a sub-layer whose output is its input's square."""
    inside = read @ streams
    return torch.outer(add, inside**2) + mix.T @ streams


@renders("StaticHyperConnection", "HyperConnection", "add_to_streams")
@pytest.mark.parametrize("name", ["StaticHyperConnection", "HyperConnection"])
def test_connections_are_those_of_the_matrices(name: str) -> None:
    torch.manual_seed(3)
    helpers = rendered(name, "add_to_streams")
    widths = (WIDTH,) if name == "HyperConnection" else ()
    module, x = (
        moved(getattr(helpers, name)(*widths, STREAMS, 1)),
        torch.randn(2, 4, STREAMS, WIDTH),
    )
    inside, streams, share = module(x)
    got = helpers.add_to_streams(streams, share, inside**2)
    for row in range(2):
        for place in range(4):
            h = x[row, place]
            read, mix, add = module.read, module.mix.view(STREAMS, STREAMS), module.add
            if widths:
                weight = torch.tanh(F.layer_norm(h, (WIDTH,)) @ module.weight.T)
                read = read + module.scale[0] * weight[:, 0]
                mix = mix + module.scale[0] * weight[:, 1:-1]
                add = add + module.scale[1] * weight[:, -1]
            torch.testing.assert_close(got[row, place], output(h, read, mix, add))


@pytest.mark.parametrize("name", ["StaticHyperConnection", "HyperConnection"])
def test_at_first_all_is_added_to_all_streams(name: str) -> None:
    widths = (WIDTH,) if name == "HyperConnection" else ()
    module, x = (
        getattr(rendered(name), name)(*widths, STREAMS, 1),
        torch.randn(2, 4, STREAMS, WIDTH),
    )
    inside, streams, share = module(x)
    torch.testing.assert_close(inside, x[:, :, 1])
    torch.testing.assert_close(streams, x)
    assert torch.all(share == 1)
