"""Measure how fast text is tokenised by one process and by several, and how much memory that takes.

    python -m benchmarks.prepare pairs.tsv.gz --lines 640000 --against 160000

A sentencepiece model is learned first, from a part of the pairs, and is given to all that is
measured, so that learning is apart. `one thread` is one process that uses one core, `one process`
is one whose libraries start a thread for each core, and the others are worker processes with a
thread each. The bytes that they write must be the same. `preparation` is all from the files to an
entry of the cache, `tokenising` the writing of the training part alone. Memory is the peak of the
process that prepares, plus that of its largest worker times their number.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.arguments import positive
from compiler.spec.load import load
from compiler.spec.spec import Spec
from runtime.data.checksummed import SUMS
from runtime.data.lines import read_lines
from runtime.data.prepare import TOKENIZERS, file_digests, prepare
from runtime.data.tasks import task_of
from runtime.data.tokenising import sharing

SPEC = """
name: measured
task: translation
model:
  d_model: 64
  attention: {{heads: 2}}
  feed_forward: {{d_ff: 64}}
  encoder: {{layers: 1}}
  decoder: {{layers: 1}}
  vocabulary: {{shared: true, size: {rows}}}
data:
  folder: {folder}
  max_length: 128
  train: {{tsv: {train}, source_column: 0, target_column: 1}}
  valid: {{tsv: valid.tsv, source_column: 0, target_column: 1}}
  tokenizer: {{kind: sentencepiece{file}}}
training: {{batch_tokens: 4096, steps: 1000, schedule: {{warmup_steps: 100}}}}
"""
ROWS = 8000
LEARNED_FROM = 50_000
"""Pairs that the given model is learned from."""


def main() -> None:
    """Print seconds, ratios and peak memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs", type=Path, help="lines with two columns between tabs")
    parser.add_argument("--lines", type=positive, default=640_000)
    parser.add_argument(
        "--against", type=positive, default=160_000, help="lines for the peak of memory"
    )
    parser.add_argument("--processes", type=positive, default=2)
    parser.add_argument("--rounds", type=positive, default=3)
    parser.add_argument("--learned", action="store_true", help="each measures its own learning")
    parser.add_argument("--child", type=positive, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child is not None:
        print(json.dumps(measured(options.pairs, options.child)))
        return
    with tempfile.TemporaryDirectory(prefix="prepare-") as folder:
        report(options, Path(folder))


def report(options: argparse.Namespace, folder: Path) -> None:
    """Measure in processes of their own, the ways in turn, and print the best of the rounds."""
    spec = written(folder, options.pairs, options.lines, learned=options.learned)
    ways = {"one thread": (1, 1), "one process": (1, None), "processes": (options.processes, None)}
    found: dict[str, list[dict[str, Any]]] = {way: [] for way in ways}
    for _ in range(options.rounds):
        for way, (processes, threads) in ways.items():
            found[way].append(run(spec, processes, threads))
    sums = {each["sums"] for rounds in found.values() for each in rounds}
    print(f"the same bytes: {len(sums) == 1}")
    for what, key in (("preparation", "seconds"), ("tokenising", "tokenising")):
        best = {way: min(each[key] for each in rounds) for way, rounds in found.items()}
        for way, seconds in best.items():
            ratio = seconds / best["processes"]
            rate = options.lines / seconds
            print(
                f"{what}, {way} ({ways[way][0]}): {seconds:.2f} s, {rate:,.0f} pairs/s, "
                f"{ratio:.2f} times the {options.processes} processes"
            )
    small = run(written(folder, options.pairs, options.against, learned=options.learned), 1, None)
    smaller = run(spec.with_name(f"{options.against}.yaml"), options.processes, None)
    for way, other in (("one process", small), ("processes", smaller)):
        peak = max(each["peak"] for each in found[way])
        print(
            f"peak memory of {way}: {peak:,.0f} MB for {options.lines:,} pairs, "
            f"{other['peak']:,.0f} MB for {options.against:,}: {peak / other['peak']:.3f}"
        )


def written(folder: Path, pairs: Path, lines: int, *, learned: bool) -> Path:
    """Write the first pairs and their spec, and once the pairs to validate with and the model."""
    train, valid = folder / f"{lines}.tsv", folder / "valid.tsv"
    with train.open("w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in islice(read_lines(pairs), lines))
    if not valid.exists():
        with valid.open("w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in islice(read_lines(pairs), 1000))
    model = folder / "given.model"
    if not learned and not model.exists():
        part = spec_file(folder, "part.tsv", "")
        with (folder / "part.tsv").open("w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in islice(read_lines(pairs), LEARNED_FROM))
        task_of(load(str(part)).spec).learn(LEARNED_FROM, folder / "tokenizers", lambda _: None)
        (folder / "tokenizers" / "source" / "sentencepiece.model").rename(model)
    return spec_file(folder, train.name, "" if learned else ", file: given.model")


def spec_file(folder: Path, train: str, file: str) -> Path:
    """Write a spec and return its place."""
    path = folder / f"{Path(train).stem}.yaml"
    path.write_text(SPEC.format(folder=folder, train=train, file=file, rows=ROWS))
    return path


def run(spec: Path, processes: int, threads: int | None) -> dict[str, Any]:
    """Return what a new process measures."""
    command = [sys.executable, "-m", "benchmarks.prepare", str(spec), "--child", str(processes)]
    environment = os.environ | ({"RAYON_NUM_THREADS": str(threads)} if threads else {})
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def measured(path: Path, processes: int) -> dict[str, Any]:
    """Prepare the text of a spec and return the seconds, the peak of memory and what was written.

    The text is read and hashed before, so that it is in the memory of the system.
    """
    spec: Spec = load(str(path)).spec
    digests = file_digests(spec)
    with tempfile.TemporaryDirectory(prefix="prepared-", dir=path.parent) as cache:
        started = time.perf_counter()
        prepared = prepare(
            spec, Path(cache), report=lambda _: None, digests=digests, processes=processes
        )
        seconds = time.perf_counter() - started
        sums = (prepared.folder / SUMS).read_text()
        kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        if processes > 1:
            kilobytes += processes * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        lines = sum(1 for _ in task_of(spec).rows("train"))
        started = time.perf_counter()
        with sharing("train", lines, lambda _: None, processes):
            task_of(spec).write("train", prepared.folder / TOKENIZERS, Path(cache, "again"))
        tokenising = time.perf_counter() - started
    return {
        "seconds": seconds,
        "tokenising": tokenising,
        "peak": kilobytes / 1000,
        "sums": sums,
    }


if __name__ == "__main__":
    main()
