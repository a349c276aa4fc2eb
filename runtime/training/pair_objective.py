"""The loss of pairs: each source is to find its target among those of its batch.

Both sides of a batch go through the network as one batch of texts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from runtime.data.batches import Batch, Batched, Examples
from runtime.data.sentences import Indices
from runtime.data.text_pairs import TextPairs
from runtime.package import PairTrainingModule
from runtime.training.objective import DeviceBatch, Input, Objective
from runtime.training.retrieval import Retrieval
from runtime.training.workers import Workers


@dataclass(frozen=True, slots=True, kw_only=True)
class PairObjective(Objective):
    """Computes the loss of pairs, from the vectors of sources and then those of targets."""

    adds_up: ClassVar[bool] = False

    def moved(self, batch: Batch) -> DeviceBatch:
        """Return a batch on the device: texts, the places of all sources and then of all targets.

        Its labels [pairs, 2] are the numbers of the texts of each pair.
        """
        found = Objective.moved(self, batch)
        texts, count = self._together(found.inputs)
        places = torch.cat((found.places, found.places + count))
        return DeviceBatch(inputs=[texts], places=places, labels=found.labels)

    def figures(self, rows: Tensor, batch: DeviceBatch) -> Tensor:
        """Returns sums [3]: the loss, once more, and the sources that find their target."""
        logits, pairs = self._logits(rows, batch.labels)
        loss, plain = self.training_module.loss(logits, pairs)
        right = logits.argmax(dim=-1).eq(pairs).sum()
        return torch.stack((loss, plain, right.to(plain.dtype)))

    def _together(self, inputs: Sequence[Input]) -> tuple[Input, int]:
        """Return the texts of both sides as one input, and the number of those of the first."""
        source, target = inputs
        if isinstance(source, Tensor) and isinstance(target, Tensor):
            longest = max(source.size(1), target.size(1))
            sides = [F.pad(each, (0, longest - each.size(1))) for each in (source, target)]
            return torch.cat(sides), len(source)
        assert self.packed is not None, "expected padded batches: the network has no packed.py"
        assert not isinstance(source, Tensor), "expected two sides of one form"
        assert not isinstance(target, Tensor), "expected two sides of one form"
        tokens = torch.cat((source.tokens, target.tokens))
        offsets = torch.cat((source.offsets, target.offsets[1:] + len(source.tokens)))
        longest = max(source.longest, target.longest)
        return self.packed.module.Packed(tokens, offsets, longest), len(source.offsets) - 1

    def _logits(self, rows: Tensor, texts: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits [pairs, pairs] of vectors [2 * pairs, width], and the right answers."""
        sources, targets = rows.chunk(2)
        with torch.autocast(rows.device.type, enabled=False):
            module = cast(PairTrainingModule, self.training_module)
            logits = module.scores(sources, targets, texts)
        return logits, torch.arange(len(texts), device=rows.device)

    def _project_backward(
        self, features: Tensor, batch: DeviceBatch, weight: float | Tensor
    ) -> tuple[Tensor, Tensor]:
        """Returns the losses [2] and the gradient of the vectors."""
        rows = features.index_select(0, batch.places).requires_grad_()
        loss, plain = self.training_module.loss(*self._logits(rows, batch.labels))
        (found,) = torch.autograd.grad(loss * weight, rows)
        gradient = torch.zeros_like(features).index_copy_(0, batch.places, found)
        return torch.stack((loss.detach(), plain.detach())), gradient


class SearchOfTargets:
    """The vectors of a whole text of pairs, which each process computes a part of."""

    def __init__(self, pairs: TextPairs, device: torch.device) -> None:
        self._pairs, self._device = pairs, device
        self._vectors: Tensor | None = None

    @classmethod
    def among(cls, examples: Examples | Batched, device: torch.device) -> Self | None:
        """Return the search among these examples if they are pairs of texts."""
        own = examples.examples if isinstance(examples, Batched) else examples
        return cls(own, device) if isinstance(own, TextPairs) else None

    def add(self, rows: Indices, features: Tensor) -> None:
        """Add the vectors [2 * pairs, width] of these pairs."""
        sides = torch.stack(features.float().chunk(2))
        if self._vectors is None:
            shape = (2, len(self._pairs), sides.size(-1))
            self._vectors = torch.zeros(shape, device=self._device)
        self._vectors[:, torch.from_numpy(rows).to(self._device)] = sides

    def count_found(self, workers: Workers) -> int:
        """Return the number of the sources whose target is the nearest of all.

        All processes call this, each with vectors of its own pairs.
        """
        if self._vectors is None:
            return 0
        workers.add_up(self._vectors)
        retrieval = Retrieval.of_numbers(self._pairs.numbers())
        return int(retrieval.ranks(*self._vectors).eq(1).sum())
