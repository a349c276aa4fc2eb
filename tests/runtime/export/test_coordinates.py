"""Changes of coordinates change settings and numbers, and nothing that a network computes."""

from pathlib import Path

import pytest

from runtime.export.coordinates.factors import (
    with_plain_norms,
    without_feed_forward_scale,
    without_output_scale,
)
from runtime.export.coordinates.heads import with_equal_heads
from runtime.export.coordinates.layers import without_turns
from runtime.export.coordinates.rotary import with_halves
from runtime.export.coordinates.tables import with_own_tables
from tests.support.coordinates import ALONE, SMALL, Change, assert_same_network

pytestmark = pytest.mark.quick

INTERLEAVED = "model.decoder.position={kind: rotary, layout: interleaved}"
TWICE = "model.decoder.block=[self_attention, feed_forward, self_attention]"


@pytest.mark.parametrize(
    ("name", "settings", "change"),
    [
        ("demo", (*SMALL, "model.decoder.distinct=1"), without_turns),
        ("demo", (*SMALL, "model.decoder.distinct=2"), without_turns),
        ("demo", (*SMALL, "model.attention={d_k: 6, d_v: 10, bias: true}"), with_equal_heads),
        ("demo", (*SMALL, "model.decoder.cross_attention={d_k: 9, d_v: 4}"), with_equal_heads),
        (
            "llama-like",
            (*ALONE, "model.attention={kv_heads: 2, d_k: 4, d_v: 10}"),
            with_equal_heads,
        ),
        (
            "llama-like",
            (*ALONE, "model.decoder.distinct=2", "model.attention={d_k: 8, d_v: 12}"),
            with_equal_heads,
        ),
        ("llama-like", (*ALONE, INTERLEAVED), with_halves),
        ("llama-like", (*ALONE, INTERLEAVED, TWICE), with_halves),
        ("llama-like", (*ALONE, TWICE, "model.attention={d_k: 4, d_v: 10}"), with_equal_heads),
        ("demo", (*SMALL, "model.embedding.width=8"), with_own_tables),
        (
            "demo",
            (*SMALL, "model.embedding={width: 8, tied: target}", "model.decoder.d_model=16"),
            with_own_tables,
        ),
        ("demo", (*SMALL, "model.embedding.width=24"), with_own_tables),
        ("llama-like", (*ALONE, "model.embedding.width=8"), with_own_tables),
        ("demo", (*SMALL, "model.output={scale: 0.3, bias: true}"), without_output_scale),
        ("llama-like", (*ALONE, "model.output.scale=inverse_sqrt_d_model"), without_output_scale),
        ("demo", (*SMALL, "model.feed_forward.scale=0.5"), without_feed_forward_scale),
        ("demo", (*SMALL, "model.norm.bias=false"), with_plain_norms),
        (
            "llama-like",
            (*ALONE, "model.norm.offset=true", "model.embedding.norm=true"),
            with_plain_norms,
        ),
    ],
)
def test_a_network_in_other_coordinates_computes_the_same(
    name: str, settings: tuple[str, ...], change: Change, tmp_path: Path
) -> None:
    assert_same_network(name, settings, change, tmp_path)
