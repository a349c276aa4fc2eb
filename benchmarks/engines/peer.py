"""The training loop that the peers share, as their users write it: each brings its network."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.engines.engine import BETAS, EPS, LABEL_SMOOTHING, RATE, Network, Practice
from benchmarks.engines.weights import Tensors, load_weights
from benchmarks.machine import peak_memory, release_memory, wait_for_device
from runtime.data.batches import Batch
from runtime.data.pairs import load_pairs
from runtime.data.sentences import Indices
from runtime.data.symbols import PADDING
from runtime.errors import UserError


class Peer(ABC):
    """Trains a network of torch at the settings that are best for it."""

    def __init__(self, model: nn.Module, network: Network, practice: Practice) -> None:
        self.device = torch.device(network.device)
        self.model = model.to(self.device).train()
        self.pairs = load_pairs(network.pairs)
        self.is_bfloat16 = practice.precision == "bfloat16"
        self.optimizer = torch.optim.Adam(
            model.parameters(), lr=RATE, betas=BETAS, eps=EPS, fused=True
        )
        # Batches have many shapes: one program for all of them, instead of one for each.
        compiled = torch.compile(self.logits, dynamic=True) if practice.is_compiled else None
        self._training_logits = compiled or self.logits

    @abstractmethod
    def logits(self, source: Tensor, target: Tensor, is_real: Tensor | None) -> Tensor:
        """source [batch, source], target [batch, target]: BEGIN and tokens; is_real [batch, source]

        is false at padding, None where there is none -> [batch, target, vocabulary]
        """

    def train(self, batches: Sequence[Indices]) -> None:
        """One update from each batch, all done when this returns."""
        for rows in batches:
            logits, target = self._run(self.pairs.collate(rows), is_training=True)
            loss = F.cross_entropy(
                logits, target, ignore_index=PADDING, label_smoothing=LABEL_SMOOTHING
            )
            torch.autograd.backward(loss)
            self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=True)
        wait_for_device(self.device)

    @torch.no_grad()
    def loss(self, batches: Sequence[Indices]) -> float:
        """Plain cross-entropy in nats a target token, without dropout."""
        self.model.eval()
        total, tokens = 0.0, 0
        for rows in batches:
            logits, target = self._run(self.pairs.collate(rows), is_training=False)
            total += F.cross_entropy(logits, target, ignore_index=PADDING, reduction="sum").item()
            tokens += int(target.ne(PADDING).sum())
        self.model.train()
        return total / tokens

    def rest(self) -> None:
        """Gives back the memory that it needs while it trains alone."""
        release_memory(self.device)

    def peak_memory(self) -> int:
        """The most bytes held so far."""
        return peak_memory(self.device)

    def _run(self, batch: Batch, *, is_training: bool) -> tuple[Tensor, Tensor]:
        """-> logits [batch * target, vocabulary], target [batch * target]"""
        source, decoder_input = map(torch.from_numpy, batch.inputs)
        is_real = source.ne(PADDING)
        # To send no mask where nothing is masked lets a library take its fastest path.
        mask = None if is_real.all() else is_real.to(self.device, non_blocking=True)
        target = torch.full_like(decoder_input, PADDING).flatten()
        target[torch.from_numpy(batch.places)] = torch.from_numpy(batch.labels)
        source, decoder_input, target = (
            tokens.to(self.device, non_blocking=True) for tokens in (source, decoder_input, target)
        )
        run = self._training_logits if is_training else self.logits
        is_bfloat16 = self.is_bfloat16 and is_training
        with torch.autocast(self.device.type, torch.bfloat16, enabled=is_bfloat16):
            logits = run(source, decoder_input, mask)
        return logits.flatten(0, 1), target


class PostNormPeer(Peer):
    """A peer that computes its logits in one call, with norms after the sub-layers."""

    def __init__(
        self,
        model: nn.Module,
        state: Callable[[Tensors], Tensors],
        network: Network,
        practice: Practice,
    ) -> None:
        """`state` renames our weights to those of the model."""
        if network.architecture.pre_norm:
            raise UserError("this peer is compared with norms after the sub-layers alone")
        model.load_state_dict(state(load_weights(network.weights)))
        super().__init__(model, network, practice)

    def logits(self, source: Tensor, target: Tensor, is_real: Tensor | None) -> Tensor:
        """-> [batch, target, vocabulary]"""
        logits: Tensor = self.model(source, target, is_real)
        return logits
