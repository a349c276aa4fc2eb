"""Training speed: ours beside transformers, torch.nn and x-transformers.

    python -m benchmarks.train --data FOLDER --out results.json

Each engine lives in a process of its own, begins with the same weights and must give the same loss
before anything is timed. In each round all engines make one update from each of the same batches,
one engine after the other, and before them one more off the clock. Speeds are real target tokens
(END counts, padding does not) a second; a ratio is the median of the ratios of the rounds.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from benchmarks.architecture import GPU_BATCH_TOKENS, SIZES, compile_size
from benchmarks.arguments import positive, share
from benchmarks.command import (
    add_common_options,
    begin,
    chosen_engines,
    finish,
    say,
    text_settings,
    write_results,
)
from benchmarks.engines.engine import TRAINING_ENGINES, Practice, open_training
from benchmarks.machine import measure_peak
from benchmarks.networks import seeded_network
from benchmarks.report import training_table
from benchmarks.rounds import Child, Children, check_losses, interleaved, median_ratio
from compiler.analysis.cost import cost_of, count_parameters
from compiler.ir.block import Block
from compiler.pipeline import CompiledPackage
from runtime.data.batches import Padded, batches
from runtime.data.pairs import Pairs, load_pairs
from runtime.data.sentences import Indices
from runtime.training.computation import Computation

DROPOUT = 0.1
FORWARD_AND_BACKWARD = 3
"""Operations of an update, in units of its forward pass."""

DEFAULT_SIZES = {"cpu": ("tiny", "base"), "cuda": ("base", "big")}
BATCHES_A_ROUND = {"cpu": {"tiny": 8, "base": 4, "big": 2}, "cuda": {}}
GPU_BATCHES_A_ROUND = 30
LOSS_BATCHES = 2
TOLERANCE = 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """The batches of a case."""

    pairs: Pairs
    warm_up: list[Indices]
    rounds: list[list[Indices]]

    def tokens(self, number: int) -> int:
        """Real target tokens of a round."""
        return sum(int(self.pairs.target_lengths[rows].sum()) for rows in self.rounds[number])


def main() -> None:
    """Runs the benchmark that the command line asks for."""
    options = _options()
    engines = chosen_engines(options, TRAINING_ENGINES)
    facts = {
        "peers_compiled": _is_compiled(options),
        "plain_memory": options.plain_memory,
        "settings": options.settings,
    }
    results = begin("train", engines, options, facts)
    for size in _sizes(options):
        for attention_dropout in options.attention_dropout:
            case = measure(size, attention_dropout, engines, options)
            results["cases"].append(case)
            print(training_table(case), flush=True)
            write_results(results, options.out)


def measure(
    size: str, attention_dropout: float, engines: Sequence[str], options: argparse.Namespace
) -> dict[str, Any]:
    """One case: all engines at one size with one dropout in attention."""
    say(f"{size}, attention dropout {attention_dropout:g}")
    with TemporaryDirectory() as name, Children() as children:
        package = package_of(size, attention_dropout, options)
        network = seeded_network(package, "train", options, Path(name))
        work = work_of(load_pairs(network.pairs), package, size, options)
        practices = _practices(size, attention_dropout, package, engines, options)
        for engine in engines:
            children.start(engine, open_training, engine, network, practices[engine])
        losses = _losses(children.all, work)
        for child in children.all:
            child.call("train", work.warm_up)
            child.call("rest")
        kind = getattr(torch, practices["ours"].precision)
        speeds, peaks = _speeds(children.all, work, torch.device(options.device), kind)
        memory = {child.name: child.call("peak_memory").value for child in children.all}
    return {
        "size": size,
        "attention_dropout": attention_dropout,
        "parameters": count_parameters(package.model),
        "batch_tokens": package.spec.training.batch_tokens,
        "tokens_a_round": [work.tokens(number) for number in range(options.rounds)],
        "flops_a_token": flops_a_token(package.model, work),
        "peak_flops": max(peaks),
        "engines": _engine_results(losses, speeds, memory),
        "practices": {engine: str(practices[engine]) for engine in engines} if options.best else {},
    }


def _practices(
    size: str,
    attention_dropout: float,
    package: CompiledPackage,
    engines: Sequence[str],
    options: argparse.Namespace,
) -> dict[str, Practice]:
    """Return the way that each engine trains: the fastest one of the trials, if there are any."""
    training = package.spec.training
    keeps_memory = not options.plain_memory
    if options.best:
        # Here, since trials are made of the cases of this file.
        from benchmarks.trials import best_practices

        best = best_practices(options.best, size, attention_dropout, engines)
        return {each: replace(best[each], keeps_memory=keeps_memory) for each in engines}
    computation = Computation.resolve(training, torch.device(options.device))
    ours = Practice(
        precision=computation.precision,
        attention="chosen by the library",
        is_compiled=training.compile,
    )
    theirs = Practice(
        precision="bfloat16" if options.device == "cuda" else "float32",
        is_compiled=_is_compiled(options),
        keeps_memory=keeps_memory,
    )
    return {each: ours if each == "ours" else theirs for each in engines}


def flops_a_token(model: Block, work: Work) -> float:
    """Operations of an update for a real target token; padding needs none."""

    @cache
    def forward(source: int, target: int) -> int:
        lengths = {"batch": 1, "source": source, "target": target}
        return cost_of(model, model.function("forward"), lengths).flops

    total = tokens = 0
    pairs = work.pairs
    for row in np.concatenate([rows for each in work.rounds for rows in each]):
        source, target = int(pairs.source_lengths[row]), int(pairs.target_lengths[row])
        total += FORWARD_AND_BACKWARD * forward(source, target)
        tokens += target
    return total / tokens


def package_of(size: str, attention_dropout: float, options: argparse.Namespace) -> CompiledPackage:
    """Return the package of a case."""
    settings = [*text_settings(options)]
    if options.device == "cuda":
        settings += [
            f"training.batch_tokens={GPU_BATCH_TOKENS}",
            "training.precision=bfloat16",
            "training.compile=true",
        ]
    return compile_size(
        SIZES[size],
        dropout=DROPOUT,
        attention_dropout=attention_dropout,
        settings=[*settings, *options.settings],
    )


def work_of(pairs: Pairs, package: CompiledPackage, size: str, options: argparse.Namespace) -> Work:
    """Return the first batches of a training, epoch after epoch."""
    default = BATCHES_A_ROUND[options.device].get(size, GPU_BATCHES_A_ROUND)
    count = options.batches or default
    warm_up = options.warm_up or (2 if options.device == "cpu" else count)
    wanted, epoch = warm_up + count * options.rounds, 0
    order: list[Indices] = []
    while len(order) < wanted:
        epoch += 1
        tokens = package.spec.training.batch_tokens
        order += batches(pairs, Padded(tokens=tokens), seed=1, epoch=epoch)
    starts = range(warm_up, wanted, count)
    rounds = [order[start : start + count] for start in starts]
    return Work(pairs=pairs, warm_up=order[:warm_up], rounds=rounds)


def _losses(children: Sequence[Child], work: Work) -> dict[str, float]:
    """Of each engine before training. Raises Disagreement when they differ."""
    fixed = work.rounds[0][:LOSS_BATCHES]
    losses = {child.name: float(child.call("loss", fixed).value) for child in children}
    for name, loss in losses.items():
        say(f"  {name:<18} loss {loss:.6f}")
    check_losses(losses, TOLERANCE)
    return losses


def _speeds(
    children: Sequence[Child], work: Work, device: torch.device, kind: torch.dtype
) -> tuple[dict[str, list[float]], list[float]]:
    """-> tokens a second of each engine in each round; the machine's peak before each round

    The peak is that of products of the dtype in which ours trains.
    """
    peaks: list[float] = []

    def begin(number: int) -> None:
        say(f"  round {number + 1} of {len(work.rounds)}")
        peaks.append(measure_peak(device, kind))

    def turn(child: Child, number: int) -> float:
        # Off the clock: memory is fetched, and caches are filled again after the others' turns.
        child.call("train", work.rounds[number][:1])
        seconds = child.call("train", work.rounds[number]).seconds
        child.call("rest")
        return work.tokens(number) / seconds

    return interleaved(children, len(work.rounds), turn, begin), peaks


def _engine_results(
    losses: dict[str, float], speeds: dict[str, list[float]], memory: dict[str, int]
) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "loss": losses[name],
            "tokens_a_second": speeds[name],
            "median": median(speeds[name]),
            "ours_to_this": median_ratio(speeds["ours"], speeds[name]),
            "memory_bytes": memory[name],
        }
        for name in speeds
    ]


def _is_compiled(options: argparse.Namespace) -> bool:
    """Peers go through torch.compile on a GPU, unless the user says otherwise."""
    chosen: bool | None = options.compile_peers
    return options.device == "cuda" if chosen is None else chosen


def _sizes(options: argparse.Namespace) -> Sequence[str]:
    chosen: Sequence[str] | None = options.size
    return chosen or DEFAULT_SIZES[options.device]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.train", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--size",
        nargs="+",
        choices=SIZES,
        help="default: tiny and base on a CPU, base and big on a GPU",
    )
    parser.add_argument("--attention-dropout", nargs="+", type=share, default=[0.1, 0.0])
    parser.add_argument("--engines", nargs="+", choices=TRAINING_ENGINES, help="ours always runs")
    parser.add_argument(
        "--batches", type=positive, help="of a round; by default some seconds' worth"
    )
    parser.add_argument("--warm-up", type=positive, help="batches before the first round")
    parser.add_argument(
        "--best",
        nargs="+",
        type=Path,
        metavar="TRIALS.json",
        help="each engine at its fastest, as `benchmarks.trials` has found it",
    )
    parser.add_argument(
        "--compile-peers",
        action=argparse.BooleanOptionalAction,
        help="run the other libraries through torch.compile; by default on a GPU",
    )
    parser.add_argument(
        "--plain-memory",
        action="store_true",
        help="the other libraries as installed; by default they keep freed memory, as ours does",
    )
    parser.add_argument(
        "--set",
        dest="settings",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="change our spec: training.compile=false",
    )
    add_common_options(parser)
    return parser.parse_args()


if __name__ == "__main__":
    finish(main)
