"""Networks in other coordinates, which must compute the same."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from compiler.pipeline import CompiledPackage, compile_loaded
from compiler.spec.load import load
from compiler.spec.lock import LOCK, load_lock, lock_text
from compiler.spec.spec import Spec
from runtime.weights.files import Tensors
from tests.support.packages import import_package

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


def assert_same_network(name: str, settings: Sequence[str], change: Change, folder: Path) -> None:
    """Change a drawn network of the library: its settings change, and its logits do not."""
    spec = load(name, settings).spec
    torch.manual_seed(3)
    model = network(spec, folder)
    tensors = {key: 0.3 * torch.randn_like(each) for key, each in model.state_dict().items()}
    model.load_state_dict(tensors)
    other_spec, other_tensors = change(spec, tensors)
    other = network(other_spec, folder)
    other.load_state_dict(other_tensors)
    torch.testing.assert_close(logits(other, spec), logits(model, spec), atol=CLOSE, rtol=CLOSE)
    assert other_spec != spec
