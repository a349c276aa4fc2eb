"""Weights in shares: each process keeps a part of each tensor (FSDP2, Zhao et al. 2023).

A process gathers the weights of a layer for as long as it computes the layer, and gives each
process its share of the gradients afterwards. The optimizer and the moving average work on shares.
All processes therefore make the same forward and backward passes, in the same order: one that has
no row of a batch takes a row of another process, which counts nothing.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

import torch
import torch.distributed as dist
from safetensors import safe_open
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.optim import Optimizer

from compiler.spec.training import Training
from runtime.checkpoints.checkpoint import MODEL, SHARES, Checkpoint, load_training_state
from runtime.checkpoints.sharded import read_shares
from runtime.errors import UserError
from runtime.package import features_of
from runtime.training.gradient_sharing import AgreedStop
from runtime.training.recomputation import layers_of
from runtime.training.workers import Workers


def refuse_what_cannot_be_sharded(training: Training) -> None:
    """Raise a UserError for settings of a recipe that do not go with weights in shares."""
    if refusal := training.not_sharded:
        reason, help = refusal
        raise UserError(f"--shard: {reason}", help=help)


@contextmanager
def group_of_processes(device: torch.device) -> Iterator[None]:
    """Make a group of this process alone, unless `torchrun` has started several."""
    if dist.is_initialized():
        yield
        return
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    store = dist.HashStore()  # type: ignore[attr-defined]
    dist.init_process_group(backend, store=store, rank=0, world_size=1)
    try:
        yield
    finally:
        dist.destroy_process_group()


def shard(model: nn.Module, device: torch.device) -> None:
    """Keep a share of each weight of a generated model, layer by layer, in this process.

    The model may be on the CPU: one layer at a time goes to the device. It is called as a function
    afterwards, and gives its features.
    """
    mesh = DeviceMesh(device.type, list(range(dist.get_world_size())))
    _become(model, _Model)
    for layer in layers_of(model):
        _become(layer, _Layer)
    for module in (*layers_of(model), model):
        fully_shard(module, mesh=mesh)
        sharded = cast(FSDPModule, module)
        # Gradients are divided by the labels of all processes already: they are added up.
        sharded.set_gradient_divide_factor(1.0)
        sharded.set_force_sum_reduction_for_comms(True)


def _become(module: nn.Module, base: type[nn.Module]) -> None:
    """Let a module be of a subclass of `base` and of its own class."""
    kind = type(module)
    module.__class__ = type(kind.__name__, (base, kind), {"__module__": kind.__module__})


class _Layer(nn.Module):
    """A layer that runs its programs of packed sentences as forward passes, for FSDP's hooks."""

    def forward(self, *inputs: Any, program: Callable[..., Tensor] | None = None) -> Any:
        """Return what the layer, or its program, makes of its inputs."""
        if program is None:
            return super().forward(*inputs)
        own = getattr(super(), "run", None)
        return own(program, *inputs) if own else program(self, *inputs)

    def run(self, program: Callable[..., Tensor], *inputs: Any) -> Tensor:
        """Return what a program of `packed.py` makes of the layer and its inputs."""
        return cast(Tensor, self(*inputs, program=program))


class _Model(nn.Module):
    """A model whose forward pass ends with its features: weights are gathered for that.

    What lies outside of layers, such as the table of the output layer, stays whole until the
    backward pass through the network is done.
    """

    def forward(self, *inputs: Any, program: Callable[..., Tensor] | None = None) -> Tensor:
        """Return features [batch, position ..., width], or what a program of `packed.py` does."""
        return program(self, *inputs) if program else features_of(self)(*inputs)


def give_back(model: nn.Module) -> None:
    """Free the weights that passes without a backward pass have gathered."""
    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.reshard()


def take_shares(optimizer: Optimizer) -> Optimizer:
    """Let an optimizer of weights in shares use the kernels that know shares, and return it."""
    if isinstance(optimizer, torch.optim.SGD):  # its fused kernel does not
        for group in optimizer.param_groups:
            group.update(fused=False, foreach=True)
    return optimizer


class ShardedSharing(AgreedStop):
    """Adds up what FSDP leaves: it shares out the gradients in each backward pass itself."""

    is_in_step = True

    def __init__(self, workers: Workers) -> None:
        super().__init__()
        self._workers = workers

    def finish(self, sums: Tensor) -> Tensor:
        """Return the sums [2] of all processes, and learn whether one of them wishes to stop."""
        wish = torch.full_like(sums[:1], self.wishes_to_stop)  # a number sent there would wait
        figures = torch.cat((sums, wish))
        self._workers.add_up(figures)
        self.note(figures[2])
        return figures[:2]

    def norm(self, gradients: Sequence[Tensor]) -> Tensor:
        """Return the norm [] of the gradients of all processes together."""
        return whole(super().norm(gradients))


def own_share(tensor: Tensor) -> Tensor:
    """Return the part of a tensor that this process keeps: all of it where it is not shared."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def whole(tensor: Tensor) -> Tensor:
    """Return the whole tensor. Every process must call this for a tensor in shares."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def gathered(tensors: Mapping[str, Tensor], *, keep: bool) -> dict[str, Tensor]:
    """Gather tensors one by one; return them on the CPU, or none unless this process shall `keep`.

    Every process must call this.
    """
    kept = {}
    for name, tensor in tensors.items():
        every = whole(tensor.detach())
        if keep:
            kept[name] = every.cpu()
    return kept


def read_checkpoint(
    checkpoint: Checkpoint, own: Mapping[str, Tensor]
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return the weights and the training state of a checkpoint in the shares of `own` weights.

    Every process must call this. The checkpoint may have been written by any number of processes,
    in shares or whole.
    """

    def like(name: str) -> Tensor | None:
        """Return the weight that a tensor of the training state belongs to."""
        kind, _, rest = name.partition("/")
        parameter = rest if kind == "weights" else rest.rpartition("/")[0]
        return own.get(parameter) if kind in ("weights", "optimizer") else None

    with safe_open(checkpoint.folder / MODEL, framework="pt") as file:
        weights = {name: _shared(file.get_tensor(name), own.get(name)) for name in own}
    if (checkpoint.folder / SHARES).is_dir():
        return weights, read_shares(
            checkpoint.folder, lambda name, shape, dtype: _room(shape, dtype, like(name))
        )
    state = load_training_state(checkpoint)
    return weights, {name: _shared(tensor, like(name)) for name, tensor in state.items()}


def _shared(tensor: Tensor, other: Tensor | None) -> Tensor:
    """Return a whole tensor, which all processes have, in the shares of another of its shape."""
    if not isinstance(other, DTensor) or tensor.shape != other.shape:
        return tensor
    placed = tensor.to(other.device)
    return distribute_tensor(placed, other.device_mesh, other.placements, src_data_rank=None)


def _room(shape: torch.Size, dtype: torch.dtype, other: Tensor | None) -> Tensor:
    """Return an empty tensor to read into, in the shares of another of its shape."""
    if isinstance(other, DTensor) and shape == other.shape:
        return torch.empty_like(other.detach(), dtype=dtype)
    return torch.empty(shape, dtype=dtype)
