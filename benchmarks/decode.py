"""Measure the speed of decoding of our networks, of transformers' `generate` and of CTranslate2.

    python -m benchmarks.decode --data FOLDER --run RUN --int8 --out results.json

1,000 sentences of test 2016 in batches of 64, or some of them one at a time, shared by two workers
of one thread for every engine (on a GPU: one worker, in bfloat16). Either with the weights of a
run, to the end of each sentence, or with seeded random weights and as many tokens as are asked for.
Each engine lives in a process of its own and must give the same loss before anything is timed. In
each round all engines translate everything, one after the other. Speeds are output tokens (without
END) a second; a ratio is the median of the ratios of the rounds, int8 against int8.

All rank hypotheses by their sums over their lengths, END included, and end a search once `beam`
hypotheses are finished. Greedy search must give the same translations (but for near ties), and so
must beam search where ours and `generate` search on until no hypothesis can become better, which is
checked without the clock. With a forced length ours makes one
step more than the peers, that of END, and ranks by it, too.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.architecture import SIZES
from benchmarks.arguments import positive
from benchmarks.cases import KINDS, WORKERS, Case, cases
from benchmarks.command import (
    add_common_options,
    begin,
    chosen_engines,
    finish,
    say,
    write_results,
)
from benchmarks.engines.engine import DECODING_ENGINES, Search, open_decoding
from benchmarks.report import decoding_table
from benchmarks.rounds import (
    Child,
    Children,
    Disagreement,
    check_losses,
    interleaved,
    median_ratio,
)

LOSS_SENTENCES = 64
TOLERANCE = 1e-4
HALF_TOLERANCE = 2e-2
"""Of the loss of CTranslate2 where it computes in float16; others compute theirs in float32."""
LEAST_EQUAL = 0.97
"""Of translations in float32 where the searches are the same: near ties fall either way."""

INT8 = " int8"


def main() -> None:
    """Runs the benchmark that the command line asks for."""
    options = _options()
    engines = chosen_engines(options, DECODING_ENGINES)
    results = begin("decode", engines, options, {"workers": WORKERS[options.device]})
    with TemporaryDirectory() as folder:
        for case in cases(options, Path(folder)):
            results["cases"].append(measure(case, engines, options))
            print(decoding_table(results["cases"][-1:]), flush=True)
            write_results(results, options.out)


def measure(case: Case, engines: Sequence[str], options: argparse.Namespace) -> dict[str, Any]:
    """All engines at one case."""
    say(case.name)
    with Children() as children:
        for name, search in _engines(case, engines, options):
            engine = name.removesuffix(INT8)
            children.start(name, open_decoding, engine, case.network, search)
        losses = _losses(children.all, case)
        answers = {child.name: _first_answers(child, case) for child in children.all}
        equal = _equal(answers, case)
        exhaustive = _check_beams(children, case)
        speeds = _speeds(children.all, case, options.rounds)
    return {
        "case": case.name,
        "sentences": len(case.sources),
        "search": asdict(case.search),
        "equal_where_generate_searches_on": exhaustive,
        "engines": [
            {
                "name": name,
                "loss": losses.get(name),
                "tokens_a_second": speeds[name],
                "median": median(speeds[name]),
                "ours_to_this": median_ratio(speeds[_reference(name)], speeds[name]),
                "equal": equal[name],
            }
            for name in speeds
        ],
    }


def _engines(
    case: Case, engines: Sequence[str], options: argparse.Namespace
) -> Iterator[tuple[str, Search]]:
    """All that takes part in a case, by name."""
    for engine in engines:
        yield engine, case.search
    for engine in engines if options.int8 else ():
        if engine != "marian":
            yield engine + INT8, replace(case.search, is_int8=True)


def _reference(name: str) -> str:
    """What an engine is compared with."""
    return "ours int8" if name.endswith(INT8) else "ours"


def _losses(children: Sequence[Child], case: Case) -> dict[str, float]:
    """Return those of the engines that are not in int8. Raises Disagreement when they differ."""
    rows = [np.arange(LOSS_SENTENCES)]
    exact = [child for child in children if not child.name.endswith(INT8)]
    losses = {child.name: float(child.call("loss", rows).value) for child in exact}
    for name, loss in losses.items():
        say(f"  {name:<18} loss {loss:.6f}")
    check_losses(losses, TOLERANCE if case.is_exact else HALF_TOLERANCE)
    return losses


def _first_answers(child: Child, case: Case) -> list[list[int]]:
    """The translations; it warms the engine up, too. Raises Disagreement at another length."""
    answers: list[list[int]] = child.call("decode", case.sources).value
    if case.is_forced and any(len(answer) != case.search.longest for answer in answers):
        raise Disagreement(f"{child.name}: translations are not {case.search.longest} tokens long")
    return answers


def _equal(answers: dict[str, list[list[int]]], case: Case) -> dict[str, float]:
    """The share of sentences that each engine translates as ours does."""
    shares = {name: _share(theirs, answers["ours"]) for name, theirs in answers.items()}
    if case.search.beam == 1 and case.is_exact:
        for name, share in shares.items():
            if not name.endswith(INT8):
                _check_share(name, share)
    return shares


def _check_beams(children: Children, case: Case) -> float | None:
    """The share of equal translations where ours and `generate` search until it is certain."""
    names = [child.name for child in children.all]
    if "marian" not in names or case.search.beam == 1 or case.is_forced or not case.is_exact:
        return None
    longer = replace(case.search, stops_early=False)
    answers = []
    for engine in ("ours", "marian"):
        arguments = (engine, case.network, longer)
        with children.alone(f"{engine}, searching on", open_decoding, *arguments) as child:
            answers.append(child.call("decode", case.sources).value)
    share = _share(*answers)
    say(f"  searching on: {share:.1%} of the translations are the same as those of generate")
    _check_share("marian, searching on", share)
    return share


def _share(theirs: list[list[int]], ours: list[list[int]]) -> float:
    return sum(mine == other for mine, other in zip(ours, theirs, strict=True)) / len(ours)


def _check_share(name: str, share: float) -> None:
    if share < LEAST_EQUAL:
        raise Disagreement(f"{name}: only {share:.1%} of the translations are the same as ours")


def _speeds(children: Sequence[Child], case: Case, rounds: int) -> dict[str, list[float]]:
    """Output tokens a second of each engine in each round."""

    def turn(child: Child, _: int) -> float:
        answer = child.call("decode", case.sources)
        return sum(map(len, answer.value)) / answer.seconds

    return interleaved(
        children, rounds, turn, lambda number: say(f"  round {number + 1} of {rounds}")
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.decode", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--run", type=Path, metavar="RUN", help="a run with trained weights")
    parser.add_argument(
        "--size",
        nargs="*",
        choices=SIZES,
        default=["tiny", "base"],
        help="of networks with random weights",
    )
    parser.add_argument("--case", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--engines", nargs="+", choices=DECODING_ENGINES, help="ours always runs")
    parser.add_argument("--int8", action="store_true", help="also ours and CTranslate2 in int8")
    parser.add_argument("--sentences", type=positive, default=1000)
    parser.add_argument("--single-sentences", type=positive, default=100, help="one at a time")
    parser.add_argument(
        "--length", type=positive, default=20, help="tokens that random weights give"
    )
    parser.add_argument(
        "--longest", type=positive, default=200, help="tokens that a run gives at most"
    )
    add_common_options(parser)
    return parser.parse_args()


if __name__ == "__main__":
    finish(main)
