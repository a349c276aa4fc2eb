"""Exit codes, text and result files of the commands of this folder."""

import argparse
import json
import signal
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import torch

from benchmarks.arguments import at_least, positive
from benchmarks.engines.engine import LIBRARIES
from benchmarks.machine import check_device, describe, refuse_busy, versions
from benchmarks.rounds import ChildFailed, Disagreement
from compiler.spec.spec import Spec
from runtime.data.files import corpus_files
from runtime.data.pairs import PairsWriter
from runtime.data.symbols import NAMES
from runtime.errors import UserError

GPU_PEERS = ("marian",)

TRAIN, TEST = "train", "tests/test"
"""The folders of the pairs in prepared text."""
RANDOM_PAIRS = {TRAIN: 30_000, TEST: 1000}
RANDOM_LENGTHS = (8, 48)
"""The fewest and the most tokens of random sentences: 28 on average, as in WMT14."""


def finish(command: Callable[[], None]) -> NoReturn:
    """Runs a command and ends the process: with 2 for what its user can mend, without a traceback,

    with 1 where engines do not agree or one of them fails.
    """
    # An exception, so that children end with their parent.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        command()
        code: int | None = 0
    except (ChildFailed, Disagreement) as error:
        print(f"error: {error}", file=sys.stderr)
        code = 1
    except BaseException as error:
        from runtime.command.command_line import exit_code

        code = exit_code(error)
        if code is None:
            raise
    sys.exit(code)


def say(text: str) -> None:
    """Report progress on stderr; results go to stdout."""
    print(text, file=sys.stderr, flush=True)


def add_common_options(parser: argparse.ArgumentParser) -> None:
    """The options of both benchmarks."""
    parser.add_argument("--rounds", type=positive, default=7, help="default: 7")
    parser.add_argument(
        "--data", metavar="FOLDER", help="where the segmented Multi30k lies; default: the spec's"
    )
    parser.add_argument(
        "--random-text",
        metavar="ROWS",
        type=at_least(len(NAMES) + 1),
        help="draw sentences from a vocabulary of ROWS instead, where there is no corpus",
    )
    parser.add_argument("--cache", type=Path, default=Path("data/prepared"), metavar="FOLDER")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--allow-busy", action="store_true", help="measure on a busy machine, too")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the results as JSON")


def chosen_engines(options: argparse.Namespace, every: Sequence[str]) -> list[str]:
    """Ours first, then those of `--engines`, or all that run on the device."""
    peers = options.engines or (every if options.device == "cpu" else GPU_PEERS)
    return ["ours", *(name for name in peers if name != "ours")]


def text_settings(options: argparse.Namespace) -> tuple[str, ...]:
    """What `--data` and `--random-text` change in a spec."""
    if options.random_text:
        return (f"model.vocabulary.size={options.random_text}",)
    return (f"data.folder={json.dumps(options.data)}",) if options.data else ()


def text_folder(spec: Spec, options: argparse.Namespace, folder: Path) -> Path:
    """A folder with the tokenised corpora TRAIN and TEST; a random one is made in `folder`."""
    if options.random_text:
        _write_random_text(folder / "text", options.random_text)
        return folder / "text"
    _check_folder(spec)
    # Here, since it needs the libraries of all tokenizers.
    from runtime.data.prepare import prepare

    return prepare(spec, options.cache, report=say).folder


def write_results(results: dict[str, Any], path: Path | None) -> None:
    """As JSON, where the user wants it."""
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


def begin(
    benchmark: str, engines: Sequence[str], options: argparse.Namespace, facts: dict[str, Any]
) -> dict[str, Any]:
    """Empty results. Raises a UserError where a peer, a GPU or the machine's leisure is wanting."""
    _check_installed(engines)
    check_device(options.device)
    if options.device == "cpu" and not options.allow_busy:
        refuse_busy()
    return {
        "benchmark": benchmark,
        "machine": describe(torch.device(options.device)),
        "versions": versions(LIBRARIES[engine] for engine in engines),
        "command": {
            "device": options.device,
            "rounds": options.rounds,
            "random_text": options.random_text,
            **facts,
        },
        "cases": [],
    }


def _check_installed(engines: Sequence[str]) -> None:
    """Raise a UserError if the library of an engine is missing."""
    for engine in engines:
        if find_spec(LIBRARIES[engine]) is None:
            raise UserError(
                f"{LIBRARIES[engine]} is not installed",
                help="`make bench` installs all libraries; --engines chooses among them",
            )


def _check_folder(spec: Spec) -> None:
    """Raise a UserError that names the files that `--data` must hold, if one is missing."""
    try:
        for part in spec.data.corpora.values():
            corpus_files(part, spec.data.folder)
    except UserError as error:
        raise UserError(
            f"the text of {spec.name} is not there: {error}",
            help="--data FOLDER names the folder of the segmented Multi30k (train.en, train.de, "
            "valid.*, test.2016.*); --random-text 9712 does without",
        ) from error


def _write_random_text(folder: Path, rows: int) -> None:
    """Seeded sentences; both sides of a pair are about equally long."""
    random = np.random.default_rng(1)
    shortest, longest = RANDOM_LENGTHS
    (folder / TEST).parent.mkdir(parents=True)
    for part, pairs in RANDOM_PAIRS.items():
        sources = random.integers(shortest, longest, pairs)
        targets = np.clip(sources + random.integers(-4, 5, pairs), shortest, longest)
        with PairsWriter.open(folder / part) as writer:
            writer.add(*(_sentences(random, rows, lengths) for lengths in (sources, targets)))


def _sentences(random: np.random.Generator, rows: int, lengths: Any) -> list[list[int]]:
    tokens = random.integers(len(NAMES), rows, lengths.sum())
    ends = np.cumsum(lengths)[:-1]
    return [part.tolist() for part in np.split(tokens, ends)]
