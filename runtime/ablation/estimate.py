"""How long a queue will take: roughly."""

import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from runtime.ablation.files import RESULT, ROWS, read_record
from runtime.ablation.record import Queued, Result
from runtime.parent import module_command

SECONDS_OF_MEASUREMENT = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """Operations a second of one row, and how that is known."""

    flops: float
    source: str


def finished_speed(folder: Path, queued: Iterable[Queued]) -> Speed | None:
    """That of the finished rows, evaluation left out; None before there are any."""
    flops, seconds, rows = 0, 0.0, 0
    for each in queued:
        path = folder / ROWS / each.name / RESULT
        if path.is_file():
            flops += each.flops
            seconds += 60 * read_record(path, Result).scores["minutes"]
            rows += 1
    return Speed(flops=flops / seconds, source=f"as in {rows} finished runs") if seconds else None


def measured_speed(tokens: int, width: int, threads: int, device: str | None) -> Speed:
    """That of matrix products as they are in a layer: [tokens, width] x [width, 4 width].

    It is measured in a process of its own, which gives a GPU back to the rows and ends by itself.
    """
    arguments = [str(tokens), str(width), str(threads), *([device] if device else [])]
    command = module_command("runtime.ablation.estimate", *arguments)
    measured = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Speed(
        flops=float(measured.stdout),
        source=f"as this machine multiplies matrices of {tokens:,} x {width} and {width} x "
        f"{4 * width}; what is not such a product comes on top",
    )


def measure(tokens: int, width: int, threads: int, device: str | None) -> float:
    """Operations a second."""
    import torch

    from runtime.training.workers import default_device

    place = torch.device(device) if device else default_device()
    torch.set_num_threads(threads)
    left = torch.ones(tokens, width, device=place)
    right = torch.ones(width, 4 * width, device=place)
    count, started = 0, time.perf_counter()
    while (seconds := time.perf_counter() - started) < SECONDS_OF_MEASUREMENT:
        (left @ right)[0, 0].item()
        count += 1
    return count * 2 * left.numel() * right.shape[1] / seconds


if __name__ == "__main__":
    tokens, width, threads = map(int, sys.argv[1:4])
    print(measure(tokens, width, threads, sys.argv[4] if len(sys.argv) > 4 else None))
