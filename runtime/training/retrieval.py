"""Retrieval: the rank of each source's target among those of a whole text, by the cosine."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor

from runtime.data.sentences import Indices

SOURCES_AT_ONCE = 1024
"""Sources whose scores against all targets exist at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrieval:
    """The candidates of a text of pairs: its different targets.

    For a source, neither its own text nor another target of it is a wrong answer: these are no
    candidates there.
    """

    candidates: tuple[int, ...]
    """The pair in which each candidate comes first."""
    right: tuple[int, ...]
    """[pairs]: the number of the candidate that is right."""
    left_out: tuple[tuple[int, ...], ...]
    """[pairs]: the numbers of the candidates that are none there."""

    @classmethod
    def of_numbers(cls, numbers: Indices) -> Self:
        """Make it of the numbers [pairs, 2] of the texts of each pair."""
        pairs: list[list[int]] = numbers.tolist()
        place: dict[int, int] = {}
        first: list[int] = []
        targets_of = defaultdict[int, set[int]](set)
        for pair, (source, target) in enumerate(pairs):
            if target not in place:
                place[target] = len(first)
                first.append(pair)
            targets_of[source].add(place[target])
        left_out = []
        for source, target in pairs:
            own = {place[source]} if source in place else set[int]()
            left_out.append(tuple((targets_of[source] | own) - {place[target]}))
        right = tuple(place[target] for _, target in pairs)
        return cls(candidates=tuple(first), right=right, left_out=tuple(left_out))

    @classmethod
    def of_texts(cls, sources: Sequence[str], targets: Sequence[str]) -> Self:
        """Make it of the texts of each pair."""
        import numpy as np

        known: dict[str, int] = {}
        both = (each for pair in zip(sources, targets, strict=True) for each in pair)
        numbers = [known.setdefault(each, len(known)) for each in both]
        return cls.of_numbers(np.array(numbers, dtype=np.int64).reshape(-1, 2))

    @torch.no_grad()
    def ranks(self, sources: Tensor, targets: Tensor) -> Tensor:
        """Return the rank [pairs] of each right target, from 1 on; of equal scores the last one.

        sources, targets [pairs, width]: the vectors of each pair, of any length.
        """
        asking, offered = (F.normalize(each.float(), dim=-1) for each in (sources, targets))
        offered = offered[list(self.candidates)]
        right = torch.tensor(self.right, device=asking.device)
        found = []
        for start in range(0, len(asking), SOURCES_AT_ONCE):
            scores = asking[start : start + SOURCES_AT_ONCE] @ offered.T
            for row, columns in enumerate(self.left_out[start : start + SOURCES_AT_ONCE]):
                if columns:
                    scores[row, list(columns)] = -torch.inf
            own = scores.gather(1, right[start : start + SOURCES_AT_ONCE, None])
            found.append((scores >= own).sum(1))
        return torch.cat(found)
