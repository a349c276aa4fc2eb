"""The state of a training: weights and their average, optimizer, random numbers, metrics."""

from collections.abc import Callable
from copy import deepcopy
from typing import Protocol, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from compiler.spec.training import Training
from runtime.checkpoints.checkpoint import (
    SHARES,
    Checkpoint,
    Tensors,
    load_checkpoint,
)
from runtime.package import Package
from runtime.training.captured_update import is_worth_capturing
from runtime.training.computation import Computation
from runtime.training.gradient_sharing import GradientSharing, gradient_sharing
from runtime.training.objective import Objective, training_objective
from runtime.training.precision import compute_in
from runtime.training.recomputation import recompute_layers
from runtime.training.running_metrics import RunningMetrics
from runtime.training.update import Updater
from runtime.training.workers import Workers


class TrainState:
    """A network in training, as one of perhaps several processes holds it."""

    is_sharded = False
    """Return whether processes keep shares of the weights, and of what belongs to them."""

    def __init__(
        self,
        package: Package,
        device: torch.device,
        workers: Workers,
        computation: Computation | None = None,
    ) -> None:
        """Make a network: all processes draw the same weights, then each its own dropout.

        `computation` is by default what a new run would choose on this device.
        """
        training, module = package.spec.training, package.training_module
        self.package = package
        self.computation = computation or Computation.resolve(training, device)
        self.device, self.workers, self.seed = device, workers, training.seed
        torch.manual_seed(self.seed)
        self.model = self._new_network()
        seed_worker(self.seed, 0, workers.rank)
        self.average = self._new_average(training)
        if training.recompute == "layer":  # in training alone: its average keeps nothing anyway
            recompute_layers(self.model)
        self._place_networks()
        self.optimizer = self._new_optimizer()
        objective = training_objective(self.model, module, training, device, self.computation)
        validating = objective.of_network(self.result)
        self.validation_objective = self._calling(self.result, validating)
        update = Updater(
            model=self.model,
            optimizer=self.optimizer,
            objective=self._calling(self.model, objective),
            clip_norm=training.clip_norm,
            workers=workers,
            sharing=self._sharing(),
        )
        self.update = update.capturing() if self._is_worth_capturing(objective) else update
        if device.type == "cuda":  # the BLEU of validations, as its losses
            compute_in(self.result, self.computation.precision)
        self.running_metrics = RunningMetrics()

    def _new_network(self) -> nn.Module:
        return self.package.model_class().to(self.device)

    def _new_average(self, training: Training) -> "MovingAverage | LearnedWeights | None":
        """Return what the weights that count are kept in, if they are not those in training."""
        if training.optimizer.IS_AVERAGE:
            return LearnedWeights(self.model, lambda: cast(Averaging, self.optimizer))
        return MovingAverage(self.model, training.ema.decay) if training.ema else None

    def _place_networks(self) -> None:
        """Distribute the networks over processes, before the optimizer gets their parameters."""

    def _new_optimizer(self) -> Optimizer:
        return self.package.training_module.optimizer(self.model)

    def _calling(self, network: nn.Module, objective: Objective) -> Objective:
        """Return the objective of a network as the network is to be called."""
        del network
        return objective

    def _sharing(self) -> GradientSharing:
        learned = [each for each in self.model.parameters() if each.requires_grad]
        return gradient_sharing(learned, self.workers)

    def _is_worth_capturing(self, objective: Objective) -> bool:
        """Tell whether an update is to be recorded as one CUDA graph."""
        kind = self.computation.batching
        return self.workers.size == 1 and is_worth_capturing(objective, kind, self.optimizer)

    @property
    def result(self) -> nn.Module:
        """The network that is validated and saved: the one in training, or its average."""
        return self.model if self.average is None else self.average.network

    def weights(self) -> Tensors:
        """Return the weights of the result, whole, in the first process at least.

        Every process must call this.
        """
        return self.result.state_dict()

    def whole_result(self) -> nn.Module:
        """Return the result as a network of whole weights. Every process must call this."""
        return self.result

    def finish_passes(self) -> None:
        """Free what passes without a backward pass have left behind."""

    def other_tensors(self) -> Tensors:
        """Return the rest of the state, which `weights` leaves out.

        Every process must call this: the random states of all of them are gathered.
        """
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
            **_prefixed("window", self.running_metrics.tensors()),
        }

    def read(self, checkpoint: Checkpoint) -> tuple[Tensors, Tensors]:
        """Return the weights of the result and the rest of the state, as `load` takes them."""
        if not (checkpoint.folder / SHARES).is_dir():
            return load_checkpoint(checkpoint, self.device)
        from runtime.training.sharding import read_checkpoint  # whose imports take a second

        return read_checkpoint(checkpoint, self.model.state_dict())

    def load(self, weights: Tensors, training_state: Tensors, step: int) -> None:
        """Continue after update `step` as if there had been no pause."""
        self.result.load_state_dict(weights)
        # Where no average was kept, the weights in training are the same.
        self.model.load_state_dict(_without_prefix("weights", training_state) or weights)
        optimizer = _without_prefix("optimizer", training_state)
        load_optimizer_tensors(self.optimizer, self.model, optimizer)
        self.running_metrics.load(_without_prefix("window", training_state), self.device)
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


class MovingAverage:
    """An exponential moving average of a network's weights, kept as a second network.

    It has the bias correction of Adam's moments, so that the random weights before the first update
    do not count.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.network = deepcopy(model).requires_grad_(False)
        _float32(self.network)

    @torch.no_grad()
    def follow(self, model: nn.Module, step: int) -> None:
        """Take in the weights after update `step`, counted from 1."""
        # With the correction of the bias: 1 at the first update, 1 - decay after many.
        share = (1 - self.decay) / (1 - self.decay**step)
        torch._foreach_lerp_(_float32(self.network), _float32(model), share)


class Averaging(Protocol):
    """An optimizer whose weights in training are not those that it has learned."""

    def learned(self, parameter: Tensor, /) -> Tensor:
        """Return what has been learned of a parameter."""


class LearnedWeights:
    """The weights that an optimizer has learned, kept as a second network."""

    def __init__(self, model: nn.Module, optimizer: Callable[[], Averaging]) -> None:
        self._optimizer = optimizer
        self.network = deepcopy(model).requires_grad_(False)

    @torch.no_grad()
    def follow(self, model: nn.Module, step: int) -> None:
        """Take in what is learned after update `step`."""
        del step
        optimizer = self._optimizer()
        for own, weight in zip(self.network.parameters(), model.parameters(), strict=True):
            own.copy_(optimizer.learned(weight))


def _float32(network: nn.Module) -> list[Tensor]:
    """Return the weights of a network, of those in shares what this process keeps."""
    weights = [weight.detach() for weight in network.parameters()]
    weights = [each.to_local() if hasattr(each, "to_local") else each for each in weights]
    if other := {weight.dtype for weight in weights} - {torch.float32}:
        raise ValueError(f"expected weights in float32, got {other}")
    return weights


def optimizer_tensors(optimizer: Optimizer, model: nn.Module) -> dict[str, Tensor]:
    """Return tensors by parameter and kind: `embedding.weight/exp_avg` is a moment of Adam."""
    names = _parameter_names(optimizer, model)
    states: dict[int, dict[str, Tensor]] = optimizer.state_dict()["state"]
    return {
        f"{names[index]}/{kind}": tensor
        for index, state in states.items()
        for kind, tensor in state.items()
    }


def load_optimizer_tensors(
    optimizer: Optimizer, model: nn.Module, tensors: dict[str, Tensor]
) -> None:
    """Continue from `optimizer_tensors`; rates and other settings stay the optimizer's own."""
    states: dict[int, dict[str, Tensor]] = {}
    indices = {name: index for index, name in enumerate(_parameter_names(optimizer, model))}
    for name, tensor in tensors.items():
        parameter, kind = name.rsplit("/", 1)
        states.setdefault(indices[parameter], {})[kind] = tensor
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": states, "param_groups": groups})


def _parameter_names(optimizer: Optimizer, model: nn.Module) -> list[str]:
    """Return the names of parameters in the order in which the optimizer numbers them."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return [names[id(p)] for group in optimizer.param_groups for p in group["params"]]


def seed_worker(seed: int, step: int, rank: int) -> None:
    """Give each process random numbers of its own from here on."""
    state = np.random.SeedSequence((seed, step, rank)).generate_state(1, np.uint64)
    torch.manual_seed(int(state[0]))


def random_states(device: torch.device) -> dict[str, Tensor]:
    """Return the states of the generators that this process draws from, as bytes on the CPU."""
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    return states


def restore_random_states(states: dict[str, Tensor], device: torch.device) -> None:
    """Continue where `random_states` was taken."""
    torch.set_rng_state(states["cpu"])
    if device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)
