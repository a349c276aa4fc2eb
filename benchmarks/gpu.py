"""Tables, waits and checks of a training on a GPU, for `benchmarks/gpu.sh`.

    python -m benchmarks.gpu table train-base.json
    python -m benchmarks.gpu waits --size base --device cuda
    python -m benchmarks.gpu checks --device cuda
    python -m benchmarks.gpu installed marian ctranslate2
    python -m benchmarks.gpu text FOLDER

`table` shows the results of `benchmarks.train` as milliseconds of an update, tokens a second and
the share of the peak. `waits` makes some of our own updates and counts where the host waits for
the GPU, and the programs that are compiled. `checks` compares results that a GPU alone computes;
on a CPU it compares their plain forms. `installed` prints which engines are, and `text` writes a
tiny corpus with the files of the segmented Multi30k, of 16 words, both for a dry run.
"""

import argparse
import importlib
import json
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.architecture import GPU_BATCH_TOKENS, SIZES, compile_size
from benchmarks.command import finish
from benchmarks.engines.engine import LIBRARIES
from benchmarks.machine import check_device
from benchmarks.report import TITLES
from compiler.page.markdown import table
from runtime.package import Package, import_package
from runtime.training.computation import Computation
from runtime.training.objective import DeviceBatch
from runtime.training.train_state import TrainState
from runtime.training.workers import Workers

PEAK = 990e12
"""Operations a second of dense bfloat16 products on an H100 or H200."""
RATE = 1e-4
UPDATES = 5
LENGTH = 40
TOLERANCE = 0.02
"""The largest relative difference of features or losses that bfloat16 explains."""


def main() -> None:
    """Print what the command line asks for."""
    options = _options()
    check_device(options.device)
    match options.part:
        case "table":
            print(training_times(json.loads(Path(*options.names).read_text(encoding="utf-8"))))
        case "waits":
            print(_waits_table(options.size, torch.device(options.device)))
        case "installed":
            print(*(each for each in options.names if find_spec(LIBRARIES[each]) is not None))
        case "text":
            _write_text(Path(*options.names))
        case _:
            _print_checks(options.size, torch.device(options.device))


def training_times(results: dict[str, Any]) -> str:
    """Return a table of the results of `benchmarks.train`."""
    heads = ("size", "engine", "ms an update", "tokens/s", "of the peak")
    return table(heads, list(_times(results)), right=range(2, len(heads)))


def _times(results: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for case in results["cases"]:
        for engine in case["engines"]:
            speed = engine["median"]
            yield (
                case["size"],
                TITLES[engine["name"]],
                f"{1e3 * case['batch_tokens'] / speed:,.1f}",
                f"{speed:,.0f}",
                f"{speed * case['flops_a_token'] / PEAK:.1%}",
            )


def _state(size: str, device: torch.device) -> tuple[Package, TrainState]:
    settings = ["training.precision=bfloat16"]
    compiled = compile_size(SIZES[size], dropout=0.0, attention_dropout=0.0, settings=settings)
    files = {name: text.encode() for name, text in compiled.files.items()}
    package = import_package(Path(size), files)
    computation = Computation.resolve(package.spec.training, device)
    return package, TrainState(package, device, Workers(), computation)


def _batch(package: Package, device: torch.device, tokens: int) -> DeviceBatch:
    """Return random sentences of one length: inputs [batch, position] and a label for each."""
    generator = torch.Generator().manual_seed(1)
    rows = package.spec.model.vocabulary.size
    assert rows is not None
    shape = (max(tokens // LENGTH, 2), LENGTH)
    source, target = (torch.randint(6, rows, shape, generator=generator) for _ in range(2))
    labels = target.roll(-1, 1).flatten().to(device)
    places = torch.arange(labels.numel(), device=device)
    inputs = [source.to(device), target.to(device)]
    return DeviceBatch(inputs=inputs, places=places, labels=labels)


def _tokens(device: torch.device) -> int:
    return GPU_BATCH_TOKENS if device.type == "cuda" else 4 * LENGTH


def _waits_table(size: str, device: torch.device) -> str:
    """Count, in some updates after the first ones, waits and programs."""
    package, state = _state(size, device)
    batch = _batch(package, device, _tokens(device))
    update = _update_of(state, batch)
    for _ in range(UPDATES):
        update()
    programs = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    with counted_waits(device) as waits:
        for _ in range(UPDATES):
            update()
    rows = [(f"waits in {UPDATES} updates", str(len(waits))), ("programs", str(programs))]
    return table(("what", size), rows, right=[1])


@contextmanager
def counted_waits(device: torch.device) -> Iterator[list[str]]:
    """Collect where the host waits for a GPU; on a CPU it never does."""
    found: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if device.type == "cuda":
            torch.cuda.set_sync_debug_mode("warn")
        yield found
        if device.type == "cuda":
            torch.cuda.set_sync_debug_mode("default")
    found += [str(each.message) for each in caught if "synchronizing" in str(each.message)]


def _update_of(state: TrainState, batch: DeviceBatch) -> Callable[[], Tensor]:
    """Return an update of one batch whose weight and rate are tensors, as a graph records it."""
    weight = torch.full((), 1 / len(batch.labels), device=state.device)
    rate = torch.full((), RATE, device=state.device)
    return lambda: state.update._update([batch], weight, rate)


def _print_checks(size: str, device: torch.device) -> None:
    """Print a line for each check; exit with code 1 if one of them fails."""
    has_failed = False
    for name, check in (("replayed = eager", replayed), ("packed = padded", packed)):
        difference = check(size, device)
        has_passed = difference <= TOLERANCE
        has_failed |= not has_passed
        print(f"{'pass' if has_passed else 'FAIL'}: {name}, relative difference {difference:.1e}")
    if has_failed:
        sys.exit(1)


def replayed(size: str, device: torch.device) -> float:
    """Return how much the losses of updates through a graph differ from those without one."""
    losses = []
    for is_captured in (False, True):
        package, state = _state(size, device)
        batch = _batch(package, device, _tokens(device))
        plain, captured = _update_of(state, batch), state.update.capturing().captured
        assert captured is not None
        if is_captured:
            assert captured.takes([batch])
        figures = [
            captured([batch], 1 / len(batch.labels), RATE) if is_captured else plain()
            for _ in range(2 * UPDATES)
        ]
        losses.append(torch.stack(figures)[:, 0].double().cpu())
    return _difference(*losses)


@torch.no_grad()
def packed(size: str, device: torch.device) -> float:
    """Return how much the features of packed sentences differ from those of padded ones."""
    package, state = _state(size, device)
    model = state.model.eval()
    name = package.model_class.__module__.rpartition(".")[0]
    module: Any = importlib.import_module(f"{name}.packed")
    inputs = _batch(package, device, _tokens(device)).inputs
    lengths = LENGTH - torch.arange(len(inputs[0]), device=device) % 7
    is_real = torch.arange(LENGTH, device=device) < lengths[:, None]
    offsets = F.pad(lengths.cumsum(0), (1, 0)).int()
    streams = [module.Packed(each[is_real], offsets, LENGTH) for each in inputs]
    network: Any = model
    with torch.autocast(device.type, torch.bfloat16):
        padded = network.features(*(each * is_real for each in inputs))[is_real]
        return _difference(padded, module.features(model, *streams))


def _difference(one: Tensor, other: Tensor) -> float:
    return float((one - other).norm() / one.norm())


def _write_text(folder: Path) -> None:
    """Write pairs whose target is the source from behind."""
    words, draw = [f"w{number:02}" for number in range(16)], Random(0)
    folder.mkdir(parents=True)
    for part, count in (("train", 60), ("valid", 10), ("test.2016", 5)):
        pairs = [draw.choices(words, k=draw.randint(2, 9)) for _ in range(count)]
        pairs += [words] if part == "train" else []
        for language, step in (("en", 1), ("de", -1)):
            lines = [" ".join(each[::step]) + "\n" for each in pairs]
            (folder / f"{part}.{language}").write_text("".join(lines), encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=("table", "waits", "checks", "installed", "text"))
    parser.add_argument("names", nargs="*", help="a file of results, engines, or a folder")
    parser.add_argument("--size", choices=SIZES, default="base")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda")
    options = parser.parse_args()
    if options.part in ("table", "text") and len(options.names) != 1:
        parser.error(f"`{options.part}` needs a {'file' if options.part == 'table' else 'folder'}")
    if options.part in ("table", "installed", "text"):
        options.device = "cpu"
    return options


if __name__ == "__main__":
    finish(main)
