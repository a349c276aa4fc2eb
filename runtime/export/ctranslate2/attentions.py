"""The attributes of one attention of CTranslate2: heads, factors, and what it knows of positions.

The classes of its specification give all layers of a stack the same ones, and leave some out that
its decoder reads; here each attention has its own, and all of them.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from compiler.spec.attention import Attention
from compiler.spec.position import (
    LayerPosition,
    LinearScaling,
    Llama3Scaling,
    RelativePosition,
    RopeScaling,
    RotaryPosition,
)

LOW_FREQUENCY, HIGH_FREQUENCY = 1.0, 4.0
"""How often the slow and the fast angles of Llama 3.1 go round in `original_length`."""


def set_attention(
    attention: Any,
    settings: Attention | None,
    position: LayerPosition | None = None,
    distances: Tensor | None = None,
) -> None:
    """Set the attributes of an attention whose heads have one width.

    `distances` [bucket, head] are the learned biases of relative positions.
    """
    assert settings is not None
    width = settings.d_k or 0
    _set(attention, head_dim=np.int32(width))
    if settings.kv_heads != settings.heads:
        _set(attention, num_heads_kv=np.int32(settings.kv_heads or 0))
    if settings.scale is not None:
        attention.queries_scale = np.float32(settings.scale)
    if settings.query_key_norm is not None:
        _set(attention, q_norm=_norm(), k_norm=_norm())
    for name in [name for name in vars(attention) if name.startswith("rotary_")]:
        delattr(attention, name)
    if isinstance(position, RotaryPosition):
        _set(attention, **_rotary(position, width))
    if isinstance(position, RelativePosition):
        assert distances is not None
        attention.relative_attention_bias = distances.detach().to(torch.float32).numpy()
        attention.relative_attention_max_distance = np.int32(position.max_distance)


def _set(holder: Any, **attributes: object) -> None:
    """Set attributes, also those that the class does not have: it refuses unknown ones."""
    for name, value in attributes.items():
        object.__setattr__(holder, name, value)


def _norm() -> Any:
    from ctranslate2.specs.common_spec import LayerNormSpec

    return LayerNormSpec(rms_norm=True)


def _rotary(position: RotaryPosition, width: int) -> dict[str, object]:
    """Return what tells the angles of one layer; a width of 0 would be all of a head."""
    return {
        "rotary_dim": np.int32(round(position.fraction * width)),
        "rotary_interleave": position.layout == "interleaved",
        "rotary_base": np.float32(position.base),
        **_scaling(position.scaling),
    }


def _scaling(scaling: RopeScaling | None) -> dict[str, object]:
    """Return what tells smaller angles; the class for it has no factor of `llama3`."""
    from ctranslate2.specs.attention_spec import RotaryScalingType

    match scaling:
        case None:
            return {}
        case LinearScaling():
            kind, more = RotaryScalingType.Linear, {}
        case Llama3Scaling():
            kind = RotaryScalingType.Llama3
            more = {
                "rotary_low_freq_factor": np.float32(LOW_FREQUENCY),
                "rotary_high_freq_factor": np.float32(HIGH_FREQUENCY),
                "original_max_position_embeddings": np.int32(scaling.original_length),
            }
    return {
        "rotary_scaling_type": np.int8(kind),
        "rotary_scaling_factor": np.float32(scaling.factor),
        **more,
    }
