"""Changes of coordinates change settings and numbers, and nothing that a network computes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from compiler.pipeline import CompiledPackage, compile_loaded
from compiler.spec.load import load
from compiler.spec.lock import LOCK, load_lock, lock_text
from compiler.spec.spec import Spec
from runtime.export.coordinates.factors import (
    with_plain_norms,
    without_feed_forward_scale,
    without_output_scale,
)
from runtime.export.coordinates.heads import with_equal_heads
from runtime.export.coordinates.layers import without_turns
from runtime.export.coordinates.rotary import with_halves
from runtime.export.coordinates.tables import with_own_tables
from runtime.weights.files import Tensors
from tests.support.packages import import_package

pytestmark = pytest.mark.quick

CLOSE = 1e-5
Change = Callable[[Spec, Tensors], tuple[Spec, Tensors]]
SMALL = (
    *("model.d_model=24", "model.vocabulary.size=20", "model.feed_forward.d_ff=32"),
    *("model.attention.heads=4", "model.encoder.layers=2", "model.decoder.layers=3"),
)
ALONE = (
    *("model.d_model=24", "model.vocabulary.size=20", "model.feed_forward.d_ff=32"),
    *("model.attention.heads=4", "model.decoder.layers=3"),
)
INTERLEAVED = "model.decoder.position={kind: rotary, layout: interleaved}"
TWICE = "model.decoder.block=[self_attention, feed_forward, self_attention]"


def compiled(spec: Spec) -> CompiledPackage:
    """The package of a complete spec."""
    return compile_loaded(load_lock(Path(LOCK), lock_text(spec).encode()))


def network(spec: Spec, folder: Path) -> Any:
    return import_package(compiled(spec), folder).Model().eval()


def logits(model: Any, spec: Spec) -> torch.Tensor:
    """The logits of some texts, of which the second source is shorter."""
    draw = torch.Generator().manual_seed(5)
    texts = [torch.randint(4, 20, (2, 9), generator=draw) for _ in spec.model.stacks()]
    if len(texts) == 2:
        texts[0][1, 6:] = 0
    with torch.no_grad():
        found: torch.Tensor = model(*texts)
    return found


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
    spec = load(name, settings).spec
    torch.manual_seed(3)
    model = network(spec, tmp_path)
    tensors = {key: 0.3 * torch.randn_like(each) for key, each in model.state_dict().items()}
    model.load_state_dict(tensors)
    other_spec, other_tensors = change(spec, tensors)
    other = network(other_spec, tmp_path)
    other.load_state_dict(other_tensors)
    torch.testing.assert_close(logits(other, spec), logits(model, spec), atol=CLOSE, rtol=CLOSE)
    assert other_spec != spec
