"""The state of a training whose weights are in shares, one for each process."""

from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from runtime.checkpoints.checkpoint import Checkpoint, Tensors
from runtime.package import PackedSentences, packed_features_of
from runtime.training.gradient_sharing import GradientSharing
from runtime.training.objective import Objective
from runtime.training.precision import compute_in
from runtime.training.sharding import (
    ShardedSharing,
    gathered,
    give_back,
    read_checkpoint,
    shard,
    take_shares,
)
from runtime.training.train_state import TrainState


class ShardedState(TrainState):
    """A network in training of which each process holds a share."""

    is_sharded = True

    def _new_network(self) -> nn.Module:
        """Make a network on the CPU, whose layers go to the device one by one, in shares."""
        return self.package.model_class()

    def _place_networks(self) -> None:
        shard(self.model, self.device)
        if self.average is not None:
            shard(self.average.network, self.device)

    def _new_optimizer(self) -> Optimizer:
        return take_shares(super()._new_optimizer())

    def _calling(self, network: nn.Module, objective: Objective) -> Objective:
        """Return the objective that calls a network itself, for which its weights are gathered."""
        packed = objective.packed
        if packed is not None:
            module = packed.module

            def program(model: nn.Module, *streams: PackedSentences) -> Tensor:
                return packed_features_of(module, model)(*streams)

            packed = replace(packed, features=partial(network, program=program))
        return replace(objective, features=network, packed=packed)

    def _sharing(self) -> GradientSharing:
        return ShardedSharing(self.workers)

    def _is_worth_capturing(self, objective: Objective) -> bool:
        """Return that no update is recorded: what is gathered is not where it was before."""
        del objective
        return False

    def weights(self) -> Tensors:
        """Return the weights of the result on the CPU, whole in the first process, else none."""
        return gathered(self.result.state_dict(), keep=self.workers.is_first)

    def whole_result(self) -> nn.Module:
        """Return a copy of the result, whole in every process."""
        with torch.random.fork_rng(devices=[]):  # dropout goes on as if nothing was drawn
            network = self.package.model_class()
        network.load_state_dict(gathered(self.result.state_dict(), keep=True))
        if self.device.type == "cuda":
            compute_in(network, self.computation.precision)
        return network.to(self.device)

    def finish_passes(self) -> None:
        give_back(self.result)

    def read(self, checkpoint: Checkpoint) -> tuple[Tensors, Tensors]:
        """Return this process's shares of a checkpoint, however it was written."""
        return read_checkpoint(checkpoint, self.model.state_dict())
