"""depthwise: tests of the network, with torch and pytest alone. Written by specformer."""

# mypy: no-warn-return-any
# (to type checkers the call of a PyTorch module returns Any)

from collections.abc import Callable
from functools import cache

import pytest
import torch
from torch import Tensor, nn

from . import model as network
from .attention_weights import PROGRAMS, attention_weights
from .model import (
    D_MODEL,
    PADDING,
    VOCABULARY,
    CrossAttention,
    DecoderConvolution,
    EncoderConvolution,
    Transformer,
    merge_heads,
)
from .packed import Packed, features

BATCH, SOURCE, TARGET, BEAM = 3, 19, 21, 2
EDGES: tuple[int, ...] = (3, 6)


def cross_reads(_i: int, j: int, _length: int) -> bool:
    return j >= 0


Reads = Callable[[int, int, int], bool]
READS: dict[type[nn.Module], tuple[Reads, ...]] = {
    CrossAttention: (cross_reads,),
}
CROSS: set[type[nn.Module]] = {CrossAttention}
IS_CAUSAL: dict[type[nn.Module], bool] = {
    EncoderConvolution: False,
    DecoderConvolution: True,
}


@pytest.fixture(scope="module")
def model() -> Transformer:
    torch.manual_seed(1)
    return Transformer()


@pytest.fixture(autouse=True)
def begun_alike(model: Transformer) -> None:
    torch.manual_seed(2)
    model.eval()


def random_tokens(rows: int, batch: int, length: int) -> Tensor:
    return torch.randint(PADDING + 1, rows, (batch, length))


def other(token: Tensor, rows: int) -> Tensor:
    """Return other tokens than these, none of them padding."""
    return PADDING + 1 + token % (rows - PADDING - 1)


@pytest.fixture
def source() -> Tensor:
    """Texts of unequal lengths, the first without padding."""
    texts = random_tokens(VOCABULARY, BATCH, SOURCE)
    texts[1, SOURCE // 2 :] = PADDING
    texts[2, -1] = PADDING
    return texts


@pytest.fixture
def target() -> Tensor:
    return random_tokens(VOCABULARY, BATCH, TARGET)


def test_parameters(model: Transformer) -> None:
    assert sum(parameter.numel() for parameter in model.parameters()) == 884224


def assert_close(got: Tensor, expected: Tensor) -> None:
    """Compare within 1e-5 of the largest number, as float32 rounds."""
    largest = max(1.0, expected.abs().max().item())
    torch.testing.assert_close(got, expected, atol=1e-5 * largest, rtol=1e-4)


def test_shapes(model: Transformer, source: Tensor, target: Tensor) -> None:
    with torch.no_grad():
        assert model.encode(source).shape == (BATCH, SOURCE, D_MODEL)
        assert model.features(source, target).shape == (BATCH, TARGET, D_MODEL)
        assert model(source, target).shape == (BATCH, TARGET, VOCABULARY)


def edges(length: int) -> list[int]:
    """Return all positions of a short text, or those near the edges of masks and chunks."""
    beside = {times * edge + by for edge in EDGES for times in (1, 2, 3) for by in (-1, 0, 1)}
    return [i for i in range(length) if length <= 64 or i in beside or i in (0, length - 1)]


def layers(model: Transformer, source: Tensor, target: Tensor) -> list[Tensor]:
    """Return the output of each layer of the decoder, the features and the logits."""
    found: list[Tensor] = []

    def keep(_: nn.Module, __: object, output: Tensor) -> None:
        found.append(output)

    handles = [layer.register_forward_hook(keep) for layer in model.decoder.layers]
    torch.manual_seed(3)
    features = model.features(source, target)
    for handle in handles:
        handle.remove()
    return [*found, features, model.project(features)]


@pytest.mark.parametrize("training", [False, True])
def test_no_position_sees_a_later_one(
    model: Transformer, source: Tensor, target: Tensor, training: bool
) -> None:
    """Change one token at a time; in training the same numbers are dropped each time."""
    model.train(training)
    with torch.no_grad():
        expected = layers(model, source, target)
        for position in edges(TARGET):
            changed = target.clone()
            changed[:, position] = other(changed[:, position], VOCABULARY)
            for got, before in zip(layers(model, source, changed), expected, strict=True):
                torch.testing.assert_close(got[:, :position], before[:, :position])
                assert training or not torch.allclose(got[:, position], before[:, position])


def test_no_gradient_from_a_later_position(
    model: Transformer, source: Tensor, target: Tensor
) -> None:
    embedded: list[Tensor] = []

    def keep(_: nn.Module, __: object, output: Tensor) -> None:
        embedded.append(output)

    handle = model.embedding.register_forward_hook(keep)
    outputs = layers(model, source, target)
    handle.remove()
    middle = TARGET // 2
    for output in outputs:
        loss = (output[:, middle] @ torch.randn(output.size(-1))).sum()
        (gradient,) = torch.autograd.grad(loss, embedded[-1], retain_graph=True)
        assert gradient[:, : middle + 1].any()
        assert not gradient[:, middle + 1 :].any()


def reach(module: nn.Module, length: int) -> tuple[int, int]:
    """Return how many positions before and after its own one a position reads."""
    widths = [each.kernel_size[0] for each in module.children() if isinstance(each, nn.Conv1d)]
    width = max(widths, default=2 * length)
    return (width - 1, 0) if IS_CAUSAL[type(module)] else (width // 2, width // 2)


def test_what_is_read_without_attention(model: Transformer) -> None:
    """Compare gradients with what may be read; the last position is padding."""
    for module in (each for each in model.modules() if type(each) in IS_CAUSAL):
        length = 2 * sum(reach(module, 4)) + 1
        before, after = reach(module, length)
        x, real = torch.randn(1, length, D_MODEL, requires_grad=True), torch.ones(1, 1, 1, length)
        real[..., -1] = 0
        output = module(x) if IS_CAUSAL[type(module)] else module(x, real.bool())
        weights = torch.randn(D_MODEL)
        for i in edges(length - 1):
            (gradient,) = torch.autograd.grad(output[0, i] @ weights, x, retain_graph=True)
            seen = [j for j in range(length) if gradient[0, j].any()]
            assert seen == [j for j in range(length - 1) if i - before <= j <= i + after]


Attention = tuple[nn.Module, list[Tensor], Tensor]


@pytest.fixture
def attentions(model: Transformer, source: Tensor, target: Tensor) -> list[Attention]:
    """Return each attention with its inputs and its output."""
    found: list[Attention] = []

    def keep(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        found.append((module, [each.detach() for each in inputs], output.detach()))

    modules = [each for each in model.modules() if type(each) in READS]
    handles = [each.register_forward_hook(keep) for each in modules]
    with torch.no_grad():
        model.features(source, target)
    for handle in handles:
        handle.remove()
    return found


def test_an_attention_reads_what_its_mask_says(attentions: list[Attention]) -> None:
    """Compare gradients with the mask; a query always depends on its own position."""
    for module, inputs, _ in attentions:
        reads, is_cross = READS[type(module)], type(module) in CROSS
        keys = inputs[1 if is_cross else 0].requires_grad_()
        output, length = module(*inputs), keys.size(1)
        weights = torch.randn(D_MODEL)
        for i in edges(output.size(1)):
            (gradient,) = torch.autograd.grad(output[0, i] @ weights, keys, retain_graph=True)
            others = [j for j in range(length) if is_cross or j != i]
            seen = [j for j in others if gradient[0, j].any()]
            assert seen == [j for j in others if any(own(i, j, length) for own in reads)]


@cache
def allowed(reads: Reads, queries: int, keys: int) -> Tensor:
    """Ask `reads` for each pair -> [queries, keys]"""
    return torch.tensor([[reads(i, j, keys) for j in range(keys)] for i in range(queries)])


def test_no_head_reads_more_than_its_mask_says(attentions: list[Attention]) -> None:
    """Compare the weights of all pairs of positions; the first text has no padding."""
    for module, inputs, _ in attentions:
        reads = READS[type(module)]
        weights, _ = PROGRAMS[type(module)](module, *inputs)
        for head, weight in enumerate(weights[0]):
            own = reads[head * len(reads) // weights.size(1)]
            assert not weight[~allowed(own, *weight.shape)].any()


def test_attention_weights_are_those_of_the_network(
    model: Transformer, source: Tensor, target: Tensor, attentions: list[Attention]
) -> None:
    with torch.no_grad():
        shown = attention_weights(model, source, target).values()
        for (module, inputs, output), by_name in zip(attentions, shown, strict=True):
            weights, values = PROGRAMS[type(module)](module, *inputs)
            got = module.get_submodule("output")(merge_heads(weights @ values))
            assert_close(got, output)
            torch.testing.assert_close(weights, by_name)


def test_logits_are_those_of_each_position(
    model: Transformer, source: Tensor, target: Tensor
) -> None:
    with torch.no_grad():
        features, logits = model.features(source, target), model(source, target)
        for row in range(BATCH):
            for position in edges(TARGET):
                own = model.project(features[row : row + 1, position : position + 1])
                assert_close(logits[row, position], own[0, 0])


def test_padding_changes_nothing(model: Transformer, source: Tensor, target: Tensor) -> None:
    with torch.no_grad():
        expected = model(source, target)
        padding = torch.full((BATCH, 4), PADDING)
        got = model(torch.cat((source, padding), 1), torch.cat((target, padding), 1))
    assert_close(got[:, :TARGET], expected)


def test_every_parameter_is_trained(model: Transformer, source: Tensor, target: Tensor) -> None:
    """The network is in training mode, where numbers are dropped at random."""
    model.train()
    model(source, target).square().sum().backward()
    missing = [name for name, each in model.named_parameters() if each.grad is None]
    model.zero_grad()
    assert not missing


def test_training_computes_the_same_but_for_what_is_dropped(
    model: Transformer, source: Tensor, target: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    with torch.no_grad():
        expected = model(source, target)
        monkeypatch.setattr(network, "dropout", lambda x, *_: x)
        got = model.train()(source, target)
    assert_close(got, expected)


def test_other_sentences_change_nothing(model: Transformer, source: Tensor, target: Tensor) -> None:
    """The padding that a longer sentence brings changes nothing either."""
    with torch.no_grad():
        expected = model(source, target)
        for row in range(BATCH):
            length = int((source[row] != PADDING).sum())
            alone = model(source[row : row + 1, :length], target[row : row + 1])
            assert_close(alone[0], expected[row])


def test_in_training_a_sentence_changes_no_other(
    model: Transformer, source: Tensor, target: Tensor
) -> None:
    """Training drops the same numbers each time."""
    model.train()
    changed = target.clone()
    changed[1] = other(changed[1], VOCABULARY)
    with torch.no_grad():
        torch.manual_seed(3)
        expected = model(source, target)
        torch.manual_seed(3)
        got = model(source, changed)
    assert_close(got[[0, 2]], expected[[0, 2]])


def pack(texts: Tensor, lengths: list[int]) -> Packed:
    """Pack the beginnings of texts, with a sentence of padding behind them."""
    ends = torch.tensor([0, *lengths, 2]).cumsum(0).int()
    parts = [text[:length] for text, length in zip(texts, lengths, strict=True)]
    return Packed(torch.cat([*parts, torch.full((2,), PADDING)]), ends, max(2, *lengths))


def test_packed_sentences_have_the_same_features(
    model: Transformer, source: Tensor, target: Tensor
) -> None:
    """Compare sentences of unequal lengths, one token among them, without and with padding."""
    source_lengths = [SOURCE, 1, SOURCE // 2]
    for row, length in enumerate(source_lengths):
        source[row] = random_tokens(VOCABULARY, 1, SOURCE)
        source[row, length:] = PADDING
    target_lengths = [1, TARGET, TARGET // 2]
    for row, length in enumerate(target_lengths):
        target[row] = random_tokens(VOCABULARY, 1, TARGET)
        target[row, length:] = PADDING
    with torch.no_grad():
        expected = model.features(source, target)
        got = features(model, pack(source, source_lengths), pack(target, target_lengths))
    rows = [expected[row, :length] for row, length in enumerate(target_lengths)]
    assert_close(got[: sum(target_lengths)], torch.cat(rows))


def test_a_step_at_a_time_is_the_same(model: Transformer, source: Tensor, target: Tensor) -> None:
    with torch.no_grad():
        expected, state = model(source, target), model.start(source)
        parent = torch.zeros(BATCH, 1, dtype=torch.long)
        for position in range(TARGET):
            got = model.step(target[:, position : position + 1], parent, state)
            assert_close(model.project(got)[:, 0], expected[:, position])


def test_a_prompt_is_read_at_once(model: Transformer, source: Tensor, target: Tensor) -> None:
    """`prefill` returns what as many steps return, and leaves the state that they leave."""
    prompt = TARGET // 2
    with torch.no_grad():
        expected, state = model.features(source, target), model.start(source)
        assert_close(model.prefill(target[:, :prompt], state), expected[:, :prompt])
        parent = torch.zeros(BATCH, 1, dtype=torch.long)
        for position in range(prompt, TARGET):
            got = model.step(target[:, position : position + 1], parent, state)
            assert_close(got[:, 0], expected[:, position])


@pytest.mark.parametrize("fixed", [False, True])
def test_hypotheses_follow_their_parents(model: Transformer, source: Tensor, fixed: bool) -> None:
    """Beams that cross over give what each hypothesis gives alone; dropped sentences are gone.

    From the third step on the buffers are `fixed`, as a CUDA graph of a step needs.
    """
    with torch.no_grad():
        state, prefix = model.start(source), torch.empty(BATCH, 1, 0, dtype=torch.long)
        state.keep(torch.arange(BATCH))
        for position in range(TARGET):
            beams = prefix.size(1)
            parent = torch.randint(0, beams, (prefix.size(0), BEAM))
            token = random_tokens(VOCABULARY, prefix.size(0), BEAM)
            prefix = prefix.gather(1, parent[:, :, None].expand(-1, -1, position))
            prefix = torch.cat((prefix, token[:, :, None]), dim=2)
            if fixed and position == 2:
                state.fix(TARGET * BEAM, torch.arange(BEAM, 2 * BEAM))
            got = model.project(model.step(token, parent, state))
            for beam in range(BEAM if position in edges(TARGET) else 0):
                expected = model(source, prefix[:, beam])[:, -1]
                assert_close(got[:, beam], expected)
            if position in (TARGET // 3, TARGET // 2):
                kept = torch.tensor([2, 0]) if position < TARGET // 2 else torch.tensor([1])
                state.keep(kept)
                source, prefix = source[kept], prefix[kept]
