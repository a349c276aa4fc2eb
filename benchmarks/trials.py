"""Find the fastest setting of each engine for training on this machine by trying all settings.

    python -m benchmarks.trials --data FOLDER --size tiny --out trials.json
    python -m benchmarks.train --data FOLDER --size tiny --best trials.json --out results.json

A trial is one engine with one precision (float32, or bfloat16 by autocast), with fused attention or
attention that is written out, eager or through torch.compile. Each runs alone, in a process of its
own: some updates off the clock, in which compilers do their work, then the same updates twice, of
which the faster counts. `benchmarks.train --best` then compares each engine at its fastest.
"""

import argparse
import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

from benchmarks.architecture import SIZES
from benchmarks.arguments import positive, share
from benchmarks.command import add_common_options, begin, finish, say, write_results
from benchmarks.engines.engine import (
    TRAINING_ENGINES,
    AttentionForm,
    Network,
    Practice,
    Precision,
    open_training,
)
from benchmarks.networks import seeded_network
from benchmarks.report import TITLES
from benchmarks.rounds import ChildFailed, Children
from benchmarks.train import DEFAULT_SIZES, Work, package_of, work_of
from compiler.page.markdown import table
from runtime.data.pairs import load_pairs
from runtime.errors import UserError

PRECISIONS: tuple[Precision, ...] = get_args(Precision)

PROGRAMS = ("eager", "compiled")

REPETITIONS = 2
"""A trial only has to tell ways apart that differ by more than the noise of the machine."""


def main() -> None:
    """Tries what the command line asks for."""
    options = _options()
    engines = options.engines or TRAINING_ENGINES
    results = begin("trials", engines, options, {})
    sizes: Sequence[str] = options.size or DEFAULT_SIZES[options.device]
    for size, dropout in itertools.product(sizes, options.attention_dropout):
        say(f"{size}, attention dropout {dropout:g}")
        trials: list[dict[str, Any]] = []
        results["cases"].append({"size": size, "attention_dropout": dropout, "trials": trials})
        for trial in _trials(size, dropout, engines, options):
            trials.append(trial)
            write_results(results, options.out)
        print(f"**{size}, attention dropout {dropout:g}**\n\n{trials_table(trials)}\n", flush=True)


def practices(
    engine: str, precisions: Sequence[Precision], programs: Sequence[str]
) -> Iterator[Practice]:
    """Return the ways to train an engine. Ours has no switch for attention."""
    attentions: tuple[AttentionForm, ...] = ("fused", "written out")
    if engine == "ours":
        attentions = ("chosen by the library",)
    for precision, attention, program in itertools.product(precisions, attentions, programs):
        yield Practice(precision=precision, attention=attention, is_compiled=program == "compiled")


def trials_table(trials: Sequence[dict[str, Any]]) -> str:
    """All trials of a case, with the speeds in real target tokens a second."""
    rows = [
        (
            TITLES[each["engine"]],
            each["practice"]["precision"],
            each["practice"]["attention"],
            PROGRAMS[each["practice"]["is_compiled"]],
            "failed" if each["tokens_a_second"] is None else f"{each['tokens_a_second']:,.0f}",
        )
        for each in trials
    ]
    heads = ("engine", "precision", "attention", "program", "tokens/s")
    return table(heads, rows, right=[len(heads) - 1])


def best_practices(
    files: Sequence[Path], size: str, attention_dropout: float, engines: Sequence[str]
) -> dict[str, Practice]:
    """Return the fastest way of each engine in files of trials, for one case.

    Raises a UserError if a file is none, or an engine of the case is in none of them.
    """
    cases = [case for path in files for case in _cases(path)]
    trials = [
        trial
        for case in cases
        if (case["size"], case["attention_dropout"]) == (size, attention_dropout)
        for trial in case["trials"]
        if trial["tokens_a_second"] is not None
    ]
    ranked = sorted(trials, key=lambda each: float(each["tokens_a_second"]))
    best = {each["engine"]: Practice(**each["practice"]) for each in ranked}
    for engine in engines:
        if engine not in best:
            raise UserError(
                f"no file has trials of {engine}, {size}, with attention dropout "
                f"{attention_dropout:g}",
                help="`python -m benchmarks.trials --help` says how they are made",
            )
    return best


def _cases(path: Path) -> list[dict[str, Any]]:
    try:
        cases: list[dict[str, Any]] = json.loads(path.read_bytes())["cases"]
    except (OSError, ValueError, KeyError) as error:
        raise UserError(
            f"{path} holds no trials: {error}", help="`python -m benchmarks.trials` makes them"
        ) from error
    return cases


def _trials(
    size: str, attention_dropout: float, engines: Sequence[str], options: argparse.Namespace
) -> Iterator[dict[str, Any]]:
    with TemporaryDirectory() as name:
        package = package_of(size, attention_dropout, options)
        network = seeded_network(package, "train", options, Path(name))
        work = work_of(load_pairs(network.pairs), package, size, options)
        for engine in engines:
            for practice in practices(engine, options.precision, options.program):
                speed = _speed(engine, network, practice, work)
                shown = "failed" if speed is None else f"{speed:,.0f} tokens/s"
                say(f"  {engine}, {practice}: {shown}")
                yield {
                    "engine": engine,
                    "practice": asdict(practice),
                    "tokens_a_second": speed,
                }


def _speed(engine: str, network: Network, practice: Practice, work: Work) -> float | None:
    """Real target tokens a second; None if the library cannot train so."""
    try:
        with Children().alone(engine, open_training, engine, network, practice) as child:
            child.call("train", work.warm_up)
            seconds = [child.call("train", work.rounds[0]).seconds for _ in range(REPETITIONS)]
    except ChildFailed as error:
        say(str(error).strip().splitlines()[-1])
        return None
    return work.tokens(0) / min(seconds)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.trials", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--size",
        nargs="+",
        choices=SIZES,
        help="default: tiny and base on a CPU, base and big on a GPU",
    )
    parser.add_argument("--attention-dropout", nargs="+", type=share, default=[0.1, 0.0])
    parser.add_argument("--engines", nargs="+", choices=TRAINING_ENGINES, help="default: all")
    parser.add_argument("--precision", nargs="+", choices=PRECISIONS, default=PRECISIONS)
    parser.add_argument("--program", nargs="+", choices=PROGRAMS, default=PROGRAMS)
    parser.add_argument("--batches", type=positive, help="updates that are timed, twice")
    parser.add_argument("--warm-up", type=positive, help="updates before them")
    add_common_options(parser)
    parser.set_defaults(rounds=1, settings=[])
    return parser.parse_args()


if __name__ == "__main__":
    finish(main)
