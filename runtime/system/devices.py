"""Devices by their names: looked at before any tensor is made on one, and made the current one.

The first tensor on a GPU, and the first question that only its driver can answer, opens a context
of some 500 MB there. So that processes which share a machine open none on each other's GPU, names
are checked by counting GPUs alone, and the GPU of this process becomes the current one before
anything else is asked of it.
"""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from runtime.errors import UserError

CPU_HELP = "`--device cpu` is always there"


def check_device(wanted: str | torch.device | None) -> torch.device:
    """Return a device that is there: by default the GPU of this process, without a GPU the CPU.

    `cuda` is the GPU of this process, too: among the processes of `torchrun` that of its local
    rank. Raises a UserError for a device that is not there.
    """
    if wanted is None:
        return _own_gpu() if torch.cuda.is_available() else torch.device("cpu")
    try:
        device = torch.device(wanted)
    except RuntimeError as error:
        raise _refused(wanted, "expected cpu, cuda or a name like cuda:1") from error
    if device.type == "cuda":
        return _given_gpu(device)
    if device.type != "cpu":
        _try(device)
    return device


def own_device(wanted: str | torch.device | None = None) -> torch.device:
    """Return the device that `check_device` does; a GPU becomes the current one of this process."""
    device = check_device(wanted)
    if device.type == "cuda":
        torch.cuda.set_device(device)
    return device


def refuse_missing_bfloat16(device: torch.device) -> None:
    """Raise a UserError for a GPU that does not compute in bfloat16."""
    if device.type != "cuda" or torch.cuda.is_bf16_supported(including_emulation=False):
        return
    major, minor = torch.cuda.get_device_capability(device)
    raise UserError(
        f"{torch.cuda.get_device_name(device)} has no bfloat16: it is of compute capability "
        f"{major}.{minor}, and 8.0 is needed",
        help="--set training.precision=float32",
    )


@contextmanager
def explained_memory_errors(help: str) -> Iterator[None]:
    """Turn a GPU without room into a message for people; `help` says what needs less."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise UserError("the GPU is out of memory", help=help) from error


def _given_gpu(device: torch.device) -> torch.device:
    """Return a GPU that was asked for, with its number."""
    if not torch.backends.cuda.is_built():  # type: ignore[no-untyped-call]
        reason = f"PyTorch {torch.__version__} is built without CUDA"
        raise _refused(device, reason, help=f"install a build with CUDA; {CPU_HELP}")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        is_available = torch.cuda.is_available()
    if not is_available:  # PyTorch tells the reason, such as an old driver, by a warning
        reasons = [str(each.message).splitlines()[0] for each in caught]
        raise _refused(device, reasons[0] if reasons else "no GPU, or no driver, was found")
    if device.index is None:
        return _own_gpu()
    if (count := torch.cuda.device_count()) <= device.index:
        raise _refused(device, f"this machine has {_gpus(count)}")
    processes = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    if processes > 1 and device.index != _local_rank():
        raise _refused(
            device,
            f"{processes} processes of this machine would share one GPU",
            help="`--device cuda` gives each its own",
        )
    return device


def _own_gpu() -> torch.device:
    """Return the GPU of this process: that of its rank among the processes of this machine."""
    rank, count = _local_rank(), torch.cuda.device_count()
    if rank >= count:
        raise UserError(
            f"process {rank} of this machine, counted from 0, has no GPU: there are {count}",
            help=f"`torchrun --nproc-per-node {count}` starts one for each",
        )
    return torch.device("cuda", rank)


def _local_rank() -> int:
    """Return the number of this process among those of this machine."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def _gpus(count: int) -> str:
    return "one GPU, cuda:0" if count == 1 else f"{count} GPUs, cuda:0 to cuda:{count - 1}"


def _try(device: torch.device) -> None:
    """Raise a UserError for a device, neither CPU nor CUDA, that gives no number back.

    That of the kind `meta` has tensors, and no numbers in them.
    """
    try:
        float(torch.ones(1, device=device).sum())
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise _refused(device, f"PyTorch {torch.__version__} computes nothing there") from error


def _refused(device: str | torch.device, reason: str, help: str = CPU_HELP) -> UserError:
    return UserError(f"--device {device}: {reason}", help=help)
