"""A long prompt that is read at once leaves the caches that as many steps leave."""

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.support.knobs import Tree
from tests.support.packages import compile_tree, import_package

BATCH, PROMPT, STEPS, ROWS = 2, 41, 12, 50
LAYERS: dict[str, Tree] = {
    "causal": {},
    "window": {"self_attention": {"mask": "causal & window(3)"}},
    "window and first": {"self_attention": {"mask": "causal & (window(2) | first(3))"}},
    "block": {"self_attention": {"mask": "causal & block(7)"}},
    "dilated": {"self_attention": {"mask": "causal & dilated(3)"}},
    "strided": {"self_attention": {"mask": "causal & (window(1) | strided(5))"}},
    "groups of heads": {
        "self_attention": {
            "mask": [{"heads": 1, "mask": "causal & window(2)"}, {"heads": 1, "mask": "causal"}]
        }
    },
    "rotary": {"position": "rotary"},
    "ALiBi": {"position": "alibi", "self_attention": {"mask": "causal & window(9)"}},
    "relative": {"position": {"kind": "relative", "buckets": 8}},
    "LSTM": {
        "block": ["recurrence", "self_attention", "feed_forward"],
        "recurrence": {"kind": "lstm"},
    },
    "GRU": {
        "block": ["recurrence", "self_attention", "feed_forward"],
        "recurrence": {"kind": "gru"},
    },
    "convolution": {
        "block": ["convolution", "self_attention", "feed_forward"],
        "convolution": {"kind": "gated", "width": 4},
    },
    "short convolution": {
        "block": ["short_convolution", "self_attention", "feed_forward"],
        "short_convolution": {"width": 3},
    },
    "retention": {
        "block": ["linear_attention", "self_attention", "feed_forward"],
        "linear_attention": {"heads": 2},
    },
    "gated linear attention": {
        "block": ["linear_attention", "self_attention", "feed_forward"],
        "linear_attention": {"heads": 2, "decay": "number"},
    },
    "state space": {
        "block": ["state_space", "self_attention", "feed_forward"],
        "state_space": {"heads": 2, "d_state": 6},
    },
    "delta net": {
        "block": ["delta_net", "self_attention", "feed_forward"],
        "delta_net": {"heads": 2},
    },
}


def spec(decoder: Tree) -> Tree:
    """A language model of two layers with dropout, which decoding leaves out."""
    return {
        "name": "some-model",
        "task": "language_model",
        "model": {
            "d_model": 16,
            "vocabulary": {"size": ROWS},
            "dropout": 0.1,
            "attention": {"heads": 2, "dropout": 0.1},
            "feed_forward": {"d_ff": 32},
            "decoder": {"layers": 2, **decoder},
        },
        "data": {"train": {"text": "a"}, "valid": {"text": "b"}, "test": {"text": "c"}},
        "training": {"batch_tokens": 1000, "steps": 5000},
    }


def model_of(tree: Tree, folder: Path) -> Any:
    torch.manual_seed(0)
    module = import_package(compile_tree(tree, folder), folder)
    return module.Model().eval()


@pytest.mark.quick
@pytest.mark.parametrize("kind", LAYERS)
@torch.no_grad()
def test_steps_after_a_long_prompt(kind: str, tmp_path: Path) -> None:
    """Beams of changing parents after the prompt give what each hypothesis gives alone."""
    model = model_of(spec(LAYERS[kind]), tmp_path)
    prefix = torch.randint(1, ROWS, (BATCH, 1, PROMPT))
    state = model.start(prefix[:, 0])
    read = model.prefill(prefix[:, 0], state)
    torch.testing.assert_close(read, model.features(prefix[:, 0]))
    for beam in [1, 3, 2] * (STEPS // 3):
        parent = torch.randint(0, prefix.size(1), (BATCH, beam))
        token = torch.randint(1, ROWS, (BATCH, beam))
        prefix = prefix.gather(1, parent.unsqueeze(2).expand(-1, -1, prefix.size(2)))
        prefix = torch.cat((prefix, token.unsqueeze(2)), dim=2)
        got = model.step(token, parent, state)
        for index in range(beam):
            expected = model.features(prefix[:, index])[:, -1]
            torch.testing.assert_close(got[:, index], expected, atol=1e-5, rtol=1e-4)


@pytest.mark.quick
@torch.no_grad()
def test_dropout_is_left_out_also_in_training_mode(tmp_path: Path) -> None:
    model = model_of(spec({}), tmp_path)
    text = torch.randint(1, ROWS, (BATCH, PROMPT))
    expected = model.features(text)
    model.train()
    torch.testing.assert_close(model.prefill(text, model.start(text)), expected)
