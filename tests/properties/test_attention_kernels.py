"""Every form of attention against a slow and plain one, made from the mask's own definition."""

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from compiler.mask.mask import CAUSAL
from compiler.mask.parse import parse
from tests.properties.test_reach import with_itself
from tests.support.knobs import Tree
from tests.support.masks import Written, causal_masks, masks
from tests.support.packages import compile_tree, import_package

ROWS, HEADS, WIDTH = 11, 2, 4
CLOSE = {"atol": 1e-5, "rtol": 1e-4}
LENGTHS = (*range(1, 13), 31, 32, 33, 63, 64, 65, 66, 95, 96, 97, 130)
"""Short ones, and those beside the edges of chunks of 32."""


def network(places: dict[str, Written], dropout: float) -> Tree:
    files = {"source": "a", "target": "b"}
    mask = {name: {"mask": written.text} for name, written in places.items()}
    return {
        "name": "attending",
        "model": {
            "d_model": HEADS * WIDTH,
            "vocabulary": {"size": ROWS},
            "attention": {"heads": HEADS, "dropout": dropout},
            "feed_forward": {"d_ff": 8},
            "encoder": {"layers": 1, "self_attention": mask["EncoderSelfAttention"]},
            "decoder": {
                "layers": 1,
                "self_attention": mask["DecoderSelfAttention"],
                "cross_attention": mask["CrossAttention"],
            },
        },
        "data": {**{part: {**files} for part in ("train", "valid", "test")}, "max_length": 200},
        "training": {"batch_tokens": 1000, "steps": 5000},
    }


def _allowed(written: Written, queries: int, real: Tensor) -> Tensor:
    """Of one sentence, real [keys] -> [queries, keys]"""
    keys, length = range(real.numel()), int(real.sum())
    rows = [[written.reads(i, j, length) for j in keys] for i in range(queries)]
    return torch.tensor(rows) & real


def attended(module: Any, inputs: list[Tensor], written: Written, real: Tensor) -> Tensor:
    """By the definition, pair by pair; a query without a key gives zero. real [batch, keys]"""
    x, *others = inputs
    if hasattr(module, "key_value"):
        query, (key, value) = module.query(x), module.key_value(others[0]).chunk(2, -1)
    else:
        query, key, value = module.query_key_value(x).chunk(3, -1)
    query, key, value = (
        each.view(*each.shape[:2], HEADS, WIDTH).transpose(1, 2) for each in (query, key, value)
    )
    allowed = torch.stack([_allowed(written, query.size(2), each) for each in real]).unsqueeze(1)
    score = (query @ key.transpose(2, 3) / WIDTH**0.5).masked_fill(~allowed, -1e30)
    weights = score.softmax(-1) * allowed
    return module.output((weights @ value).transpose(1, 2).flatten(2))


def observed(
    model: nn.Module, source: Tensor, target: Tensor
) -> dict[str, tuple[Any, list[Tensor]]]:
    """Each attention with its inputs, under the name of its class."""
    found: dict[str, tuple[Any, list[Tensor]]] = {}

    def keep(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        found[type(module).__name__] = (module, [each.detach() for each in inputs])

    attentions = [each for each in model.modules() if type(each).__name__.endswith("Attention")]
    handles = [each.register_forward_pre_hook(keep) for each in attentions]
    model.features(source, target)
    for handle in handles:
        handle.remove()
    return found


def gradients(output: Tensor, inputs: list[Tensor], weights: Tensor) -> list[Tensor]:
    read = [each for each in inputs if each.requires_grad]
    return list(torch.autograd.grad((output * weights).sum(), read))


def check(package: ModuleType, places: dict[str, Written], lengths: tuple[int, int]) -> None:
    """Outputs and gradients, at padding, too; the second sentence is shorter, the third has one."""
    torch.manual_seed(1)
    model = package.Model()
    longest, target_length = lengths
    source = torch.randint(1, ROWS, (3, longest))
    source[1, (longest + 1) // 2 :] = source[2, 1:] = 0
    target = torch.randint(1, ROWS, (3, target_length))
    for name, (module, inputs) in observed(model, source, target).items():
        real = torch.ones_like(target).bool() if name.startswith("Decoder") else source.ne(0)
        given = [each.requires_grad_(each.is_floating_point()) for each in inputs]
        got, expected = module(*given), attended(module, given, places[name], real)
        weights = torch.randn_like(got)
        mask = parse(places[name].text)
        if name.startswith("Encoder") and mask & CAUSAL == mask:
            weights *= real.unsqueeze(2)  # such a mask needs no word of padding, which comes later
        torch.testing.assert_close(got * weights, expected * weights, **CLOSE)
        for one, other in zip(
            gradients(got, given, weights), gradients(expected, given, weights), strict=True
        ):
            assert one.isfinite().all()
            torch.testing.assert_close(one, other, **CLOSE)


@st.composite
def any_places(draw: st.DrawFn) -> dict[str, Written]:
    return {
        "EncoderSelfAttention": with_itself(draw(masks())),
        "DecoderSelfAttention": draw(causal_masks()),
        "CrossAttention": Written("first(1) | ~causal", lambda i, j, _: j < 1 or j > i)
        if draw(st.booleans())
        else with_itself(draw(masks(("window", "block", "dilated", "last")))),
    }


@settings(max_examples=40)
@given(
    places=any_places(),
    lengths=st.tuples(st.sampled_from(LENGTHS), st.sampled_from(LENGTHS)),
    dropout=st.sampled_from([0.0, 0.1]),
)
def test_every_form_is_the_definition(
    places: dict[str, Written], lengths: tuple[int, int], dropout: float, tmp_path: Path
) -> None:
    package = import_package(compile_tree(network(places, dropout), tmp_path), tmp_path)
    package.model.dropout = lambda x, rate, training: x  # noqa: ARG005
    check(package, places, lengths)


@pytest.mark.quick
@pytest.mark.parametrize("dropout", [0.0, 0.1])
@pytest.mark.parametrize(
    "mask",
    ["window(2)", "window(left=2, right=5)", "block(5)", "window(1) | first(3)", "dilated(3)"],
)
def test_every_length_from_one_on(mask: str, dropout: float, tmp_path: Path) -> None:
    """Far from a short text all keys of a padded query are padding: it gives zero."""
    meanings = {
        "window(2)": lambda i, j, _: abs(i - j) <= 2,
        "window(left=2, right=5)": lambda i, j, _: -2 <= j - i <= 5,
        "block(5)": lambda i, j, _: i // 5 == j // 5,
        "window(1) | first(3)": lambda i, j, _: abs(i - j) <= 1 or j < 3,
        "dilated(3)": lambda i, j, _: (i - j) % 3 == 0,
    }
    reads = meanings[mask]
    places = {
        "EncoderSelfAttention": Written(mask, reads),
        "DecoderSelfAttention": Written(
            f"causal & ({mask})", lambda i, j, n: j <= i and reads(i, j, n)
        ),
        "CrossAttention": Written(mask, reads),
    }
    package = import_package(compile_tree(network(places, dropout), tmp_path), tmp_path)
    package.model.dropout = lambda x, rate, training: x  # noqa: ARG005
    for length in (*range(1, 20), *range(60, 76), 96, 97, 98):
        check(package, places, (length, min(length, 20)))
