"""Random networks beside the same ones in CTranslate2."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from compiler.pipeline import compile_spec
from compiler.spec.spec import Spec
from runtime.data.symbols import BEGIN, END, NAMES
from runtime.export.ctranslate2.specification import specification
from runtime.inference.engines.ctranslate2_network import CTranslate2Network
from runtime.weights.files import Tensors
from tests.support.packages import import_package

POSITIONS = 128
LENGTHS = (30, 5, 17, 9)
Change = Callable[[Any], None]


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A generated network in evaluation mode, and the same network in CTranslate2."""

    spec: Spec
    model: Any
    network: CTranslate2Network

    def rows(self, side: str, lengths: Sequence[int]) -> list[list[int]]:
        """Texts of these lengths, drawn with a seed, on the side of the source or the target."""
        vocabulary = self.spec.model.vocabulary
        size = vocabulary.size or getattr(vocabulary, side)
        assert size is not None
        draw = torch.Generator().manual_seed(1 + len(side))
        return [torch.randint(4, size, (each,), generator=draw).tolist() for each in lengths]

    def difference(self, longest: int = 60) -> float:
        """The largest difference of log-probabilities of some texts."""
        lengths = [each for each in LENGTHS if each < min(longest, self.spec.model.positions or 60)]
        targets = self.rows("target", lengths)
        sources = self.rows("source", lengths[::-1]) if self.spec.model.encoder else None
        found = self.network.log_probabilities(sources, targets)
        own = (self._own(sources and sources[row], text) for row, text in enumerate(targets))
        pairs = zip(own, found, strict=True)
        return max(float((one - torch.tensor(other)).abs().max()) for one, other in pairs)

    @torch.no_grad()
    def _own(self, source: Sequence[int] | None, target: Sequence[int]) -> torch.Tensor:
        read = [] if source is None else [torch.tensor([[*source, END]])]
        logits = self.model(*read, torch.tensor([[BEGIN, *target]]))
        asked = torch.tensor([*target, END]).unsqueeze(1)
        scores: torch.Tensor = logits.log_softmax(-1)[0].gather(1, asked).squeeze(1)
        return scores


def words(rows: int) -> list[str]:
    return [*NAMES, *map(str, range(len(NAMES), rows))]


def random_tensors(model: Any, seed: int = 0) -> Tensors:
    """Weights of a network at random: none of its norms and biases are alike."""
    draw = torch.Generator().manual_seed(seed)

    def moved(tensor: torch.Tensor) -> torch.Tensor:
        noise = torch.randn(tensor.shape, generator=draw)
        return tensor + 0.1 * noise if tensor.dim() == 1 else tensor + 0.03 * noise

    return {name: moved(tensor) for name, tensor in model.state_dict().items()}


def pair_of(
    reference: str,
    settings: Sequence[str],
    folder: Path,
    *,
    change: Change = lambda _: None,
    tensors: Callable[[Tensors], None] = lambda _: None,
) -> Pair:
    """Both networks of a spec; `change` may spoil the specification, `tensors` sets weights."""
    compiled = compile_spec(reference, settings)
    torch.manual_seed(0)
    model = import_package(compiled, folder).Model().eval()
    weights = random_tensors(model)
    tensors(weights)
    model.load_state_dict(weights)
    vocabulary = compiled.spec.model.vocabulary
    sizes = (vocabulary.size or vocabulary.source or 0, vocabulary.size or vocabulary.target or 0)
    made = specification(compiled.spec, weights, [*map(words, sizes)], POSITIONS)
    change(made)
    made.validate()
    made.optimize()
    (folder / "exported").mkdir()
    made.save(str(folder / "exported"))
    return Pair(spec=compiled.spec, model=model, network=CTranslate2Network(folder / "exported"))
