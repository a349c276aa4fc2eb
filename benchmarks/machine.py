"""The machine that the clock runs on: whether it is free, how fast it can be, what it is."""

import ctypes
import importlib.metadata
import os
import platform
import re
import resource
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import torch

from runtime.errors import UserError

MOST_LOAD = 2.5
"""Processes that wanted to run in the last minute: two busy ones on two cores ruin both."""

PEAK_SECONDS = 0.5
STATUS = Path("/proc/self/status")


def refuse_busy() -> None:
    """Raise a UserError if other processes use the processor."""
    load = os.getloadavg()[0]
    if load > MOST_LOAD:
        raise UserError(
            f"the machine is busy: {load:.1f} processes wanted to run in the last minute",
            help=f"wait until it is below {MOST_LOAD}; --allow-busy measures anyway, in vain",
        )


def check_device(name: str) -> None:
    """Refuse a GPU that is not there."""
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("--device cuda: torch finds no GPU", help="`--device cpu` is always there")


def wait_for_device(device: torch.device) -> None:
    """Returns when all that was asked of a GPU is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def peak_memory(device: torch.device) -> int:
    """The most bytes that this process has held: on its GPU, or in memory."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    # Not `ru_maxrss` where it can be helped: there a process begins with the figure of its parent.
    if STATUS.exists() and (found := re.search(r"VmHWM:\s*(\d+) kB", STATUS.read_text())):
        return int(found[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def release_memory(device: torch.device) -> None:
    """Gives back what allocators keep for later, so that idle engines leave room for the others."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)):
        trim(0)


def measure_peak(device: torch.device, kind: torch.dtype) -> float:
    """Return the operations a second in the best of some large matrix products of a dtype."""
    size = 8192 if device.type == "cuda" else 2048
    left, right = (torch.randn(size, size, device=device, dtype=kind) for _ in range(2))
    product = left @ right
    best = float("inf")
    end = time.perf_counter() + PEAK_SECONDS
    while (started := time.perf_counter()) < end:
        torch.matmul(left, right, out=product)
        wait_for_device(device)
        best = min(best, time.perf_counter() - started)
    return 2 * size**3 / best


def describe(device: torch.device) -> dict[str, str | int]:
    """The machine in general words."""
    facts: dict[str, str | int] = {
        "cores": os.cpu_count() or 0,
        "threads": torch.get_num_threads(),
        "instruction set": torch.backends.cpu.get_cpu_capability(),
        "system": platform.system(),
    }
    if device.type == "cuda":
        facts["GPU"] = torch.cuda.get_device_name(device)
    return facts


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Of Python and of these packages, each once."""
    found = {"python": platform.python_version()}
    return found | {package: importlib.metadata.version(package) for package in packages}
