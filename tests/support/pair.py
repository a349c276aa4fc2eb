"""Two lasting processes that train random networks in shares."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from compiler.spec.optimizer import OPTIMIZERS
from runtime.data.batches import Batch
from tests.support.knobs import Tree
from tests.support.objectives import Drawn, drawn

Found = tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]
"""Losses [2] a label, gradients by name, weights by name after an update."""


@contextmanager
def pair(context: ForkServerContext, port: str) -> Iterator[list[Connection]]:
    """Start both; each takes a spec and a folder, and the first answers with what it found."""
    ends, processes = [], []
    for rank in range(2):
        ours, theirs = context.Pipe()
        processes.append(context.Process(target=serve, args=(theirs, rank, port)))
        processes[-1].start()
        theirs.close()
        ends.append(ours)
    try:
        yield ends
    finally:
        for end in ends:
            end.close()
        for process in processes:
            process.join(10)
            process.kill()


def ask(ends: list[Connection], tree: Tree, folders: list[Path]) -> Found:
    """Let both train the network of a spec; raise AssertionError with the error that one met."""
    for end, folder in zip(ends, folders, strict=True):
        end.send((tree, folder))
    answers = [end.recv() for end in ends]
    for answer in answers:
        assert not isinstance(answer, str), answer
    found: Found = answers[0]
    return found


def serve(end: Connection, rank: int, port: str) -> None:
    """Answer until the other end is closed."""
    import traceback

    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    address = f"tcp://127.0.0.1:{port}"
    dist.init_process_group("gloo", init_method=address, rank=rank, world_size=2)
    while True:
        try:
            tree, folder = end.recv()
        except EOFError:
            break
        try:
            end.send(trained_in_shares(tree, folder, rank))
        except Exception:
            end.send(traceback.format_exc())
    dist.destroy_process_group()


def trained_in_shares(tree: Tree, folder: Path, rank: int) -> Found:
    """Train on every other sentence, the other process having the rest."""
    from runtime.training.sharding import gathered, shard, take_shares

    network = drawn(tree, folder)
    count = len(network.batch.labels)
    shard(network.model, torch.device("cpu"))
    objective = replace(network.objective(), features=network.model)
    batch = rows_of(network, range(rank, len(network.batch.inputs[0]), 2))
    losses = objective.add_gradients(batch, 1 / count)
    dist.all_reduce(losses)
    parameters = dict(network.model.named_parameters())
    gradients = {name: each.grad for name, each in parameters.items() if each.grad is not None}
    whole = gathered(gradients, keep=True)
    take_shares(network.package.training_module.optimizer(network.model)).step()
    return losses / count, whole, gathered(network.model.state_dict(), keep=True)


def trained_whole(network: Drawn) -> Found:
    """Train on all sentences; pairs are told apart within the part of a process alone."""
    model = deepcopy(network.model)
    objective = replace(network, model=model).objective()
    count = len(network.batch.labels)
    batches = [network.batch]
    if not objective.adds_up:
        batches = [rows_of(network, range(rank, count, 2)) for rank in range(2)]
    losses = torch.stack([objective.add_gradients(each, 1 / count) for each in batches]).sum(0)
    losses /= count
    named = model.named_parameters()
    gradients = {name: each.grad for name, each in named if each.grad is not None}
    whole = {name: each.clone() for name, each in gradients.items()}
    network.package.training_module.optimizer(model).step()
    return losses, whole, model.state_dict()


def rows_of(network: Drawn, rows: range) -> Batch:
    """Return some sentences of a batch, with their labels."""
    batch = network.batch
    positions = 1 if network.package.spec.model.is_pooled else batch.inputs[-1].shape[1]
    sentence, position = np.divmod(batch.places, positions)
    kept = np.isin(sentence, rows)
    order = {row: number for number, row in enumerate(rows)}
    places = [order[row] * positions for row in sentence[kept].tolist()] + position[kept]
    return Batch(
        inputs=tuple(each[list(rows)] for each in batch.inputs),
        places=places.astype(batch.places.dtype),
        labels=batch.labels[kept],
    )


def for_shares(part: Any) -> Any:
    """Return a spec without what shares cannot do, or what depends on the whole batch."""
    if isinstance(part, list):
        return [for_shares(each) for each in part]
    if not isinstance(part, dict):
        return part
    changed = {key: for_shares(below) for key, below in part.items()}
    if isinstance(changed.get("experts"), dict):
        changed["experts"]["balance_loss"] = 0
    is_whole = getattr(OPTIMIZERS.get(changed.get("kind", "")), "NEEDS_WHOLE_MATRICES", False)
    return {"kind": "adam"} if is_whole else changed
