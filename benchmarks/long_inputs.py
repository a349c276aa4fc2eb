"""Time and memory of one attention layer as texts grow: restricted attention beside full attention.

    python -m benchmarks.long_inputs --out docs/results/long-inputs

Forward and backward of the generated self-attention of a decoder, on one text. Each point is
measured in a process of its own, as the median of some runs; memory is the most that the process
held beyond what it had before its first run. Writes a table as JSON and a chart as SVG.
"""

import argparse
import importlib
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import torch

from benchmarks.chart import Chart, Line, page
from benchmarks.command import finish
from benchmarks.machine import describe, peak_memory, refuse_busy
from compiler.pipeline import compile_spec

D_MODEL, HEADS = 256, 4
FORMS = {
    "window(256)": ("causal & window(256)", 32),
    "causal": ("causal", 32),
    "a mask tensor": ("causal & dilated(2)", 16),
}
"""Name in the chart: mask, and the longest text in units of 1,024 positions."""

RUNS = 3


def main() -> None:
    """Measures all points, or one of them as a child of itself."""
    options = _options()
    if options.point:
        mask, length = options.point
        print(json.dumps(measure(mask, int(length))))
        return
    if not options.allow_busy:
        refuse_busy()
    points = [
        {"form": form, "length": 1024 * times, **_in_a_child(mask, 1024 * times)}
        for form, (mask, longest) in FORMS.items()
        for times in (1, 2, 4, 8, 16, 32)
        if times <= longest
    ]
    machine = describe(torch.device("cpu"))
    results = {"machine": machine, "d_model": D_MODEL, "heads": HEADS, "points": points}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.with_suffix(".json").write_text(json.dumps(results, indent=2) + "\n")
    options.out.with_suffix(".svg").write_text(chart(points))
    print(f"written: {options.out}.json, {options.out}.svg")


def measure(mask: str, length: int) -> dict[str, float]:
    """Seconds of an update of one layer, and MiB that it needs."""
    layer = _layer(mask)
    before = peak_memory(torch.device("cpu"))
    x = torch.randn(1, length, D_MODEL, requires_grad=True)
    told = [_mask_tensor(layer, x)] if "mask" in str(layer.forward.__code__.co_varnames) else []
    seconds = []
    for _ in range(RUNS):
        start = time.perf_counter()
        torch.autograd.backward(layer(x, *told).sum())
        seconds.append(time.perf_counter() - start)
    held = peak_memory(torch.device("cpu")) - before
    return {"seconds": median(seconds), "mebibytes": held / 2**20}


def _layer(mask: str) -> Any:
    """The decoder's self-attention of a small spec with this mask."""
    with TemporaryDirectory() as folder:
        package = compile_spec(
            "demo",
            [
                f"model.d_model={D_MODEL}",
                f"model.attention.heads={HEADS}",
                f"model.decoder.self_attention.mask={json.dumps(mask)}",
            ],
        )
        package.write(Path(folder) / "long_inputs_package")
        sys.path.insert(0, folder)
        module = importlib.import_module("long_inputs_package.model")
    return module.DecoderSelfAttention()


def _mask_tensor(layer: Any, x: torch.Tensor) -> torch.Tensor:
    """What the whole model makes once for all layers; here it is part of what is measured."""
    module = sys.modules[type(layer).__module__]
    mask: torch.Tensor = module.position_mask(module.decoder_reads, 0, x.size(1), x[:, :, 0])
    return mask


def _in_a_child(mask: str, length: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.long_inputs", "--point", mask, str(length)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    print(f"{mask:<22}{length:>7}  {found['seconds']:8.3f} s  {found['mebibytes']:8.0f} MiB")
    return found


def chart(points: Sequence[dict[str, Any]]) -> str:
    """Time and memory side by side."""

    def lines(what: str) -> list[Line]:
        return [
            Line(
                name=form,
                points=[(each["length"], each[what]) for each in points if each["form"] == form],
            )
            for form in FORMS
        ]

    axes = {"seconds": "Time of an update, seconds", "mebibytes": "Memory, MiB"}
    return page(
        [
            Chart(title=title, x_label="positions", y_label=what, lines=lines(what))
            for what, title in axes.items()
        ]
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.long_inputs", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--out", type=Path, default=Path("long-inputs"), metavar="NAME")
    parser.add_argument("--allow-busy", action="store_true", help="measure on a busy machine, too")
    parser.add_argument("--point", nargs=2, metavar=("MASK", "LENGTH"), help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    finish(main)
