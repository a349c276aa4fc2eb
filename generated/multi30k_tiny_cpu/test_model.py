"""multi30k-tiny-cpu: tests of the network, with torch and pytest alone. Written by specformer."""

import pytest
import torch
from torch import Tensor, nn

from .model import D_MODEL, PADDING, VOCABULARY, Transformer

BATCH, SOURCE, TARGET, BEAM = 3, 7, 9, 2


@pytest.fixture(scope="module")
def model() -> Transformer:
    torch.manual_seed(1)
    return Transformer().eval()


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(2)


def tokens(rows: int, batch: int, length: int) -> Tensor:
    return torch.randint(PADDING + 1, rows, (batch, length))


def other(token: Tensor, rows: int) -> Tensor:
    """Another token, not padding."""
    return PADDING + 1 + token % (rows - PADDING - 1)


@pytest.fixture
def source() -> Tensor:
    return tokens(VOCABULARY, BATCH, SOURCE)


@pytest.fixture
def target() -> Tensor:
    return tokens(VOCABULARY, BATCH, TARGET)


def test_parameters(model: Transformer) -> None:
    assert sum(parameter.numel() for parameter in model.parameters()) == 2568704


def test_shapes(model: Transformer, source: Tensor, target: Tensor) -> None:
    with torch.no_grad():
        assert model.encode(source).shape == (BATCH, SOURCE, D_MODEL)
        assert model.features(source, target).shape == (BATCH, TARGET, D_MODEL)
        assert model(source, target).shape == (BATCH, TARGET, VOCABULARY)


def test_no_position_sees_a_later_one(model: Transformer, source: Tensor, target: Tensor) -> None:
    with torch.no_grad():
        expected = model.features(source, target)
        for position in range(TARGET):
            changed = target.clone()
            changed[:, position] = other(changed[:, position], VOCABULARY)
            got = model.features(source, changed)
            torch.testing.assert_close(got[:, :position], expected[:, :position])
            assert not torch.allclose(got[:, position], expected[:, position])


def test_no_gradient_from_a_later_position(
    model: Transformer, source: Tensor, target: Tensor
) -> None:
    embedded: list[Tensor] = []

    def keep(_: nn.Module, __: object, output: Tensor) -> None:
        embedded.append(output)

    handle = model.embedding.register_forward_hook(keep)
    features = model.features(source, target)
    handle.remove()
    middle = TARGET // 2
    weights = torch.randn(D_MODEL)
    (gradient,) = torch.autograd.grad((features[:, middle] @ weights).sum(), embedded[-1])
    assert gradient[:, : middle + 1].any()
    assert not gradient[:, middle + 1 :].any()


def test_padding_changes_nothing(model: Transformer, source: Tensor, target: Tensor) -> None:
    with torch.no_grad():
        expected = model.features(source, target)
        padding = torch.full((BATCH, 3), PADDING)
        got = model.features(torch.cat((source, padding), 1), torch.cat((target, padding), 1))
    torch.testing.assert_close(got[:, :TARGET], expected, atol=1e-5, rtol=1e-5)


def test_other_sentences_change_nothing(model: Transformer, source: Tensor, target: Tensor) -> None:
    with torch.no_grad():
        expected = model.features(source, target)
        for row in range(BATCH):
            alone = model.features(source[row : row + 1], target[row : row + 1])
            torch.testing.assert_close(alone[0], expected[row], atol=1e-5, rtol=1e-5)


def test_a_step_at_a_time_is_the_same(model: Transformer, source: Tensor, target: Tensor) -> None:
    with torch.no_grad():
        expected, state = model.features(source, target), model.start(source)
        parent = torch.zeros(BATCH, 1, dtype=torch.long)
        for position in range(TARGET):
            got = model.step(target[:, position : position + 1], parent, state)
            torch.testing.assert_close(got[:, 0], expected[:, position], atol=1e-5, rtol=1e-5)


def test_hypotheses_follow_their_parents(model: Transformer, source: Tensor) -> None:
    """Beams that cross over give what each hypothesis gives alone; dropped sentences are gone."""
    with torch.no_grad():
        state, prefix = model.start(source), torch.empty(BATCH, 1, 0, dtype=torch.long)
        state.keep(torch.arange(BATCH))
        for position in range(TARGET):
            beams = prefix.size(1)
            parent = torch.randint(0, beams, (source.size(0), BEAM))
            token = tokens(VOCABULARY, source.size(0), BEAM)
            prefix = prefix.gather(1, parent.unsqueeze(2).expand(-1, -1, position))
            prefix = torch.cat((prefix, token.unsqueeze(2)), dim=2)
            got = model.step(token, parent, state)
            for beam in range(BEAM):
                expected = model.features(source, prefix[:, beam])[:, -1]
                torch.testing.assert_close(got[:, beam], expected, atol=1e-5, rtol=1e-5)
            if position == TARGET // 2:
                kept = torch.tensor([0, 2])
                state.keep(kept)
                source, prefix = source[kept], prefix[kept]
