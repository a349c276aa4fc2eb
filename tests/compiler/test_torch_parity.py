"""The generated network against torch.nn.Transformer with the same weights."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.packages import compile_tree, import_package

WIDTH, HEADS, D_FF, LAYERS, ROWS = 16, 4, 24, 2, 30
SHARED = {
    "self_attention.output.weight": "self_attn.out_proj.weight",
    "self_attention.output.bias": "self_attn.out_proj.bias",
    "self_attention.query_key_value.weight": "self_attn.in_proj_weight",
    "self_attention.query_key_value.bias": "self_attn.in_proj_bias",
    "feed_forward.hidden.weight": "linear1.weight",
    "feed_forward.hidden.bias": "linear1.bias",
    "feed_forward.output.weight": "linear2.weight",
    "feed_forward.output.bias": "linear2.bias",
    "cross_attention.output.weight": "multihead_attn.out_proj.weight",
    "cross_attention.output.bias": "multihead_attn.out_proj.bias",
}
NORMS = {
    "encoder": ("self_attention_norm", "feed_forward_norm"),
    "decoder": ("self_attention_norm", "cross_attention_norm", "feed_forward_norm"),
}


def tree(place: str, activation: str) -> dict[str, Any]:
    files = {"source": "a", "target": "b"}
    return {
        "name": "parity",
        "model": {
            "d_model": WIDTH,
            "vocabulary": {"size": ROWS},
            "norm": {"place": place, "final": True},
            "attention": {"heads": HEADS, "bias": True},
            "feed_forward": {"d_ff": D_FF, "activation": activation},
            "encoder": {"layers": LAYERS},
            "decoder": {"layers": LAYERS},
        },
        "data": {"train": {**files}, "valid": {**files}, "test": {**files}},
        "training": {"batch_tokens": 1000, "steps": 5000},
    }


def copy_weights(ours: nn.Module, theirs: nn.Transformer) -> None:
    """Every tensor of theirs gets ours; both have the same number of parameters in the stacks."""
    state = {}
    for stack in ("encoder", "decoder"):
        for name, tensor in getattr(ours, stack).state_dict().items():
            state[f"{stack}.{their_name(stack, name)}"] = tensor
        for index in range(LAYERS):
            cross = ours.get_submodule(f"decoder.layers.{index}.cross_attention")
            for kind in ("weight", "bias"):
                fused = torch.cat([getattr(cross.query, kind), getattr(cross.key_value, kind)])
                state[f"decoder.layers.{index}.multihead_attn.in_proj_{kind}"] = fused
    state = {name: tensor for name, tensor in state.items() if "cross_attention" not in name}
    theirs.load_state_dict(state)


def their_name(stack: str, name: str) -> str:
    if name.startswith("norm."):
        return name
    layers, index, part = name.split(".", 2)
    for number, norm in enumerate(NORMS[stack], 1):
        part = part.replace(f"{norm}.", f"norm{number}.")
    return f"{layers}.{index}.{SHARED.get(part, part)}"


@pytest.mark.filterwarnings("ignore:enable_nested_tensor", "ignore:The PyTorch API of nested")
@pytest.mark.parametrize("place", ["post", "pre"])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_logits_agree(place: str, activation: str, tmp_path: Path) -> None:
    package = import_package(compile_tree(tree(place, activation), tmp_path), tmp_path)
    torch.manual_seed(3)
    ours = package.Model().eval()
    theirs = nn.Transformer(
        WIDTH,
        HEADS,
        LAYERS,
        LAYERS,
        D_FF,
        0.0,
        activation,
        norm_first=place == "pre",
        batch_first=True,
    ).eval()
    copy_weights(ours, theirs)
    source, target = torch.randint(1, ROWS, (3, 9)), torch.randint(1, ROWS, (3, 7))
    source[1, 6:] = 0
    with torch.no_grad():
        expected = theirs(
            embedded(ours, source),
            embedded(ours, target),
            tgt_mask=nn.Transformer.generate_square_subsequent_mask(7),
            src_key_padding_mask=source == 0,
            memory_key_padding_mask=source == 0,
            tgt_is_causal=True,
        )
        got = ours.features(source, target)
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-5)


def embedded(model: nn.Module, tokens: Tensor) -> Tensor:
    """The paper's embeddings and positions, written down once more, entry by entry."""
    positions = torch.empty(tokens.size(1), WIDTH)
    for position in range(tokens.size(1)):
        for i in range(WIDTH // 2):
            angle = position / 10000 ** (2 * i / WIDTH)
            positions[position, 2 * i] = math.sin(angle)
            positions[position, 2 * i + 1] = math.cos(angle)
    return model.get_submodule("embedding")(tokens) * WIDTH**0.5 + positions
