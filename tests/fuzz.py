"""Breaks valid specs at random and demands diagnostics inside the file, never a traceback.

    make fuzz        python -m tests.fuzz --specs 20000 --minutes 15

Half of the specs are broken as trees, half as text, each one to three times, from the library, the
golden cases and random specs. What fails is kept in a file. Ends with 1 if anything did.
"""

import argparse
import copy
import random
import sys
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from hypothesis.errors import NonInteractiveExampleWarning

from compiler.spec.library import library
from tests.support.mutations import diagnostics, mutate, require_inside, scribble
from tests.support.strategies import specs

CASES = Path(__file__).parent / "cases"
RANDOM_SPECS = 100


def main() -> None:
    """Runs the fuzzer and prints what it saw."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--specs", type=int, default=20_000)
    parser.add_argument("--minutes", type=float, default=15.0, help="at most")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chance, texts = random.Random(options.seed), seeds()
    end = time.monotonic() + 60 * options.minutes
    seconds: list[float] = []
    codes: Counter[str] = Counter()
    failures = 0
    with TemporaryDirectory() as name:
        path = Path(name) / "mutated.yaml"
        while len(seconds) < options.specs and time.monotonic() < end:
            text = broken(chance.choice(texts), chance)
            failures += not survives(text, path, seconds, codes)
    report(seconds, codes, failures)
    sys.exit(1 if failures else 0)


def seeds() -> list[str]:
    """Valid specs and broken ones, as text."""
    with warnings.catch_warnings(action="ignore", category=NonInteractiveExampleWarning):
        trees = [specs().example() for _ in range(RANDOM_SPECS)]
    cases = [path.read_bytes() for path in CASES.glob("*/spec.yaml")]
    return [
        *(path.read_text("utf-8") for path in library().values()),
        *(yaml.safe_dump(tree, sort_keys=False) for tree in trees),
        *(case.decode("utf-8") for case in cases if is_text(case)),
    ]


def is_text(content: bytes) -> bool:
    try:
        return bool(content.decode("utf-8"))
    except UnicodeDecodeError:
        return False


def broken(text: str, chance: random.Random) -> str:
    """The spec with one to three mistakes in its text or, if it has one, its tree."""
    times = range(chance.randint(1, 3))
    tree = tree_of(text) if chance.random() < 0.5 else None
    if tree is None:
        for _ in times:
            text = scribble(text, chance)
        return text
    for _ in times:
        mutate(tree, chance)
    return yaml.safe_dump(tree, sort_keys=False)


def tree_of(text: str) -> dict[str, Any] | None:
    try:
        tree = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):
        return None
    return copy.deepcopy(tree) if isinstance(tree, dict) and tree else None


def survives(text: str, path: Path, seconds: list[float], codes: Counter[str]) -> bool:
    """Checks one spec; keeps and shows it if anything but diagnostics comes of it."""
    path.write_text(text, encoding="utf-8", errors="surrogatepass", newline="")
    start = time.perf_counter()
    try:
        found = diagnostics(path)
        seconds.append(time.perf_counter() - start)
        codes.update({each.code for each in found} or {"compiles"})
        if "extends" not in text:  # or the mistake may be the parent's
            require_inside(found, path, text)
    except Exception:
        seconds.append(time.perf_counter() - start)
        kept = Path(f"fuzz-{len(seconds)}.yaml")
        kept.write_text(text, encoding="utf-8", errors="surrogatepass", newline="")
        print(f"--- kept as {kept}", traceback.format_exc(), sep="\n")
        return False
    return True


def report(seconds: list[float], codes: Counter[str], failures: int) -> None:
    milliseconds = sorted(1000 * each for each in seconds)
    print(f"{len(seconds):,} mutated specs, {failures} failures")
    print(f"time of one: median {median(milliseconds):.1f} ms, longest {milliseconds[-1]:.0f} ms")
    for code, count in codes.most_common():
        print(f"  {code:<24}{count:>7,}")


if __name__ == "__main__":
    main()
