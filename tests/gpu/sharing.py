"""Gradients shared by eight processes on the pretended GPU: what is sent, and what is waited for.

One of eight processes is there; torch's fake process group sends nothing.
"""

from typing import Any
from unittest import mock

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor
from torch.testing._internal.distributed.fake_pg import FakeStore

from runtime.training.gradient_sharing import BucketedSharing
from runtime.training.train_state import TrainState
from runtime.training.workers import Workers
from tests.gpu.examples import examples
from tests.gpu.fake_tensors import pretended_gpu
from tests.gpu.packages import compiled, with_training
from tests.gpu.update import as_written


def share(name: str, sentences: int) -> dict[str, Any]:
    """Make two updates of a package in bfloat16 -> the bytes sent by the second, and its waits."""
    package = with_training(compiled(name), precision="bfloat16", compile=False)
    batch = examples(package.spec, (9,) * 24, (8,) * 24)
    sent: list[int] = []
    all_reduce = dist.all_reduce

    def noted(tensor: Tensor, *arguments: Any, **options: Any) -> Any:
        sent.append(tensor.nbytes)
        return all_reduce(tensor, *arguments, **options)

    dist.init_process_group("fake", rank=3, world_size=8, store=FakeStore())
    try:
        with (
            pretended_gpu() as ledger,
            as_written(),
            mock.patch.object(dist, "all_reduce", noted),
            # It reads a tensor of the CPU, once in a session, which has no values here.
            mock.patch.object(BucketedSharing, "_known_before_the_network", return_value=[]),
        ):
            state = TrainState(package, torch.device("cuda"), Workers(rank=3, size=8))
            state.update(batch, [np.arange(24)], 1e-3)
            ledger.restart()
            sent.clear()
            state.update(batch, [np.arange(sentences)], 1e-3)
            waits = ledger.restart().waits
            weights = sum(each.nbytes for each in state.model.parameters())
    finally:
        dist.destroy_process_group()
    return {"sent": sent, "waits": dict(waits), "weights": weights}
