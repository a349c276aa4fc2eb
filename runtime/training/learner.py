"""What training changes and a checkpoint holds: weights, optimizer, random numbers, figures."""

import torch
from torch import nn

from runtime.checkpoints.checkpoint import Tensors
from runtime.package import Package
from runtime.training.moving_average import MovingAverage
from runtime.training.objective import training_objective, validation_objective
from runtime.training.optimizer_state import load_optimizer_tensors, optimizer_tensors
from runtime.training.random_state import random_states, restore_random_states, seed_worker
from runtime.training.update import Updater
from runtime.training.window import Window
from runtime.training.workers import Workers


class Learner:
    """A network in training, as one of perhaps several processes holds it."""

    def __init__(self, package: Package, device: torch.device, workers: Workers) -> None:
        """A new network: all processes draw the same weights, then each its own dropout."""
        training, module = package.spec.training, package.training_module
        self.device, self.workers, self.seed = device, workers, training.seed
        torch.manual_seed(self.seed)
        self.model = package.model_class().to(device)
        seed_worker(self.seed, 0, workers.rank)
        self.average = MovingAverage(self.model, training.ema.decay) if training.ema else None
        self.optimizer = module.optimizer(self.model)
        objective = training_objective(self.model, module, training, device)
        self.validation_objective = validation_objective(objective, self.result)
        self.update = Updater(
            model=self.model,
            optimizer=self.optimizer,
            objective=objective,
            clip_norm=training.clip_norm,
            workers=workers,
        )
        self.window = Window()

    @property
    def result(self) -> nn.Module:
        """What the training makes, to be validated and saved: the network, or its average."""
        return self.model if self.average is None else self.average.network

    def weights(self) -> Tensors:
        """Of the result."""
        return self.result.state_dict()

    def training_state(self) -> Tensors:
        """All but these weights. Every process must call this, since each has its own dropout."""
        randoms = {
            f"{rank}/{kind}": state
            for kind, own in random_states(self.device).items()
            for rank, state in enumerate(self.workers.gather(own))
        }
        trained = {} if self.average is None else self.model.state_dict()
        return {
            **_prefixed("weights", trained),
            **_prefixed("optimizer", optimizer_tensors(self.optimizer, self.model)),
            **_prefixed("random", randoms),
            **_prefixed("window", self.window.tensors()),
        }

    def load(self, weights: Tensors, training_state: Tensors, step: int) -> None:
        """Continues after update `step` as if there had been no pause."""
        self.result.load_state_dict(weights)
        # Where no average was kept, the weights in training are the same.
        self.model.load_state_dict(_without_prefix("weights", training_state) or weights)
        optimizer = _without_prefix("optimizer", training_state)
        load_optimizer_tensors(self.optimizer, self.model, optimizer)
        self.window.load(_without_prefix("window", training_state), self.device)
        randoms = _without_prefix(f"random/{self.workers.rank}", training_state)
        if randoms:
            restore_random_states(randoms, self.device)
        else:  # More processes than before: the new ones begin with numbers of their own.
            seed_worker(self.seed, step, self.workers.rank)


def _prefixed(prefix: str, tensors: Tensors) -> Tensors:
    return {f"{prefix}/{name}": tensor for name, tensor in tensors.items()}


def _without_prefix(prefix: str, tensors: Tensors) -> Tensors:
    return {
        name.removeprefix(f"{prefix}/"): tensor
        for name, tensor in tensors.items()
        if name.startswith(f"{prefix}/")
    }
