"""masked-language-model: tests of the network, with torch and pytest alone. Written by
specformer.
"""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from .attention_weights import PROGRAMS, attention_weights
from .model import (
    D_MODEL,
    PADDING,
    VOCABULARY,
    EncoderSelfAttention,
    Transformer,
    merge_heads,
)

BATCH, SOURCE = 3, 7
EDGES: tuple[int, ...] = ()


def encoder_reads(_i: int, j: int, _length: int) -> bool:
    return j >= 0


READS: dict[type[nn.Module], Callable[[int, int, int], bool]] = {
    EncoderSelfAttention: encoder_reads,
}


@pytest.fixture(scope="module")
def model() -> Transformer:
    torch.manual_seed(1)
    return Transformer().eval()


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(2)


def tokens(rows: int, batch: int, length: int) -> Tensor:
    return torch.randint(PADDING + 1, rows, (batch, length))


@pytest.fixture
def source() -> Tensor:
    return tokens(VOCABULARY, BATCH, SOURCE)


def test_parameters(model: Transformer) -> None:
    assert sum(parameter.numel() for parameter in model.parameters()) == 489344


def assert_close(got: Tensor, expected: Tensor) -> None:
    """Within 1e-5 of the largest number, as float32 rounds."""
    largest = max(1.0, expected.abs().max().item())
    torch.testing.assert_close(got, expected, atol=1e-5 * largest, rtol=1e-4)


def test_shapes(model: Transformer, source: Tensor) -> None:
    with torch.no_grad():
        assert model.encode(source).shape == (BATCH, SOURCE, D_MODEL)
        assert model.features(source).shape == (BATCH, SOURCE, D_MODEL)
        assert model(source).shape == (BATCH, SOURCE, VOCABULARY)


def edges(length: int) -> list[int]:
    """All positions of a short text; of a long one those beside the edges of masks and chunks."""
    beside = {times * edge + by for edge in EDGES for times in (1, 2, 3) for by in (-1, 0, 1)}
    return [i for i in range(length) if length <= 64 or i in beside or i in (0, length - 1)]


Attention = tuple[nn.Module, list[Tensor], Tensor]


@pytest.fixture
def attentions(model: Transformer, source: Tensor) -> list[Attention]:
    """Each attention with what it is given and what it returns."""
    found: list[Attention] = []

    def keep(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        found.append((module, [each.detach() for each in inputs], output.detach()))

    modules = [each for each in model.modules() if type(each) in READS]
    handles = [each.register_forward_hook(keep) for each in modules]
    with torch.no_grad():
        model.features(source)
    for handle in handles:
        handle.remove()
    return found


def test_an_attention_reads_what_its_mask_says(attentions: list[Attention]) -> None:
    """By gradient. A query always depends on its own position, which is left out."""
    for module, inputs, _ in attentions:
        reads, is_cross = READS[type(module)], type(module).__name__.startswith("Cross")
        keys = inputs[1 if is_cross else 0].requires_grad_()
        output, length = module(*inputs), keys.size(1)
        weights = torch.randn(D_MODEL)
        for i in edges(output.size(1)):
            (gradient,) = torch.autograd.grad(output[0, i] @ weights, keys, retain_graph=True)
            others = [j for j in range(length) if is_cross or j != i]
            seen = [j for j in others if gradient[0, j].any()]
            assert seen == [j for j in others if reads(i, j, length)]


def test_attention_weights_are_those_of_the_network(
    model: Transformer, source: Tensor, attentions: list[Attention]
) -> None:
    with torch.no_grad():
        shown = attention_weights(model, source).values()
        for (module, inputs, output), by_name in zip(attentions, shown, strict=True):
            weights, values = PROGRAMS[type(module)](module, *inputs)
            got = module.get_submodule("output")(merge_heads(weights @ values))
            assert_close(got, output)
            torch.testing.assert_close(weights, by_name)


def test_padding_changes_nothing(model: Transformer, source: Tensor) -> None:
    with torch.no_grad():
        expected = model.features(source)
        padding = torch.full((BATCH, 4), PADDING)
        got = model.features(torch.cat((source, padding), 1))
    assert_close(got[:, :SOURCE], expected)


def test_every_parameter_is_trained(model: Transformer, source: Tensor) -> None:
    """In training mode, with all that is dropped at random there."""
    model.train()
    model(source).square().sum().backward()
    missing = [name for name, each in model.named_parameters() if each.grad is None]
    model.eval().zero_grad()
    assert not missing


def test_other_sentences_change_nothing(model: Transformer, source: Tensor) -> None:
    with torch.no_grad():
        expected = model.features(source)
        for row in range(BATCH):
            alone = model.features(source[row : row + 1])
            assert_close(alone[0], expected[row])
