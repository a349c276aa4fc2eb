"""A rough estimate of how long a queue will take."""

import math
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from compiler.spec.spec import Spec
from runtime.ablation.record import RESULT, ROWS, Queued, Result, read_record
from runtime.system.process import module_command

if TYPE_CHECKING:
    from runtime.training.precision import Precision, Wanted

SECONDS_OF_MEASUREMENT = 1.0
MOST_TOKENS = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """Operations a second of one row, and how that is known."""

    flops: float
    source: str


def finished_speed(folder: Path, queued: Iterable[Queued]) -> Speed | None:
    """Return the speed of the finished rows without evaluation; None before there are any."""
    flops, seconds, rows = 0, 0.0, 0
    for each in queued:
        path = folder / ROWS / each.name / RESULT
        if path.is_file() and each.flops is not None:
            flops += each.flops
            seconds += 60 * read_record(path, Result).scores["minutes"]
            rows += 1
    return Speed(flops=flops / seconds, source=f"as in {rows} finished runs") if seconds else None


def measured_speed(spec: Spec, threads: int, device: str | None) -> Speed:
    """The speed of matrix products such as those of a layer: [tokens, width] x [width, 4 width].

    The numbers have the precision of the spec, or the one that the device would choose. A process
    of its own measures it, so that no memory of a GPU stays taken.
    """
    tokens, width = min(spec.training.micro_batch_tokens, MOST_TOKENS), spec.model.d_model
    wanted = spec.training.precision
    arguments = [str(tokens), str(width), str(threads), wanted, *([device] if device else [])]
    command = module_command("runtime.ablation.eta", *arguments)
    measured = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    flops, precision = measured.stdout.split()
    return Speed(
        flops=float(flops),
        source=f"as this machine, when it is free, multiplies {precision} matrices of {tokens:,} x "
        f"{width} and {width} x {4 * width}; what is not such a product comes on top",
    )


def measure(
    tokens: int, width: int, threads: int, wanted: "Wanted", device: str | None
) -> tuple[float, "Precision"]:
    """Operations a second in the fastest of many products, and their precision.

    Other processes slow the other products down.
    """
    import torch

    from runtime.system.devices import own_device
    from runtime.training.precision import choose_precision

    place = own_device(device)
    precision, _ = choose_precision(wanted, place)
    if place.type == "cuda" and wanted != "float32":
        torch.set_float32_matmul_precision("high")
    torch.set_num_threads(threads)
    kind = getattr(torch, precision)
    left = torch.ones(tokens, width, device=place, dtype=kind)
    right = torch.ones(width, 4 * width, device=place, dtype=kind)
    (left @ right)[0, 0].item()
    fastest, end = math.inf, time.perf_counter() + SECONDS_OF_MEASUREMENT
    while (started := time.perf_counter()) < end:
        (left @ right)[0, 0].item()
        fastest = min(fastest, time.perf_counter() - started)
    return 2 * left.numel() * right.shape[1] / fastest, precision


if __name__ == "__main__":
    tokens, width, threads = map(int, sys.argv[1:4])
    device = sys.argv[5] if len(sys.argv) > 5 else None
    print(*measure(tokens, width, threads, cast("Wanted", sys.argv[4]), device))
