"""Train each variant of the library for 200 updates on the demo corpus, and write one table.

    python -m benchmarks.variants --out docs/results/variants.md

Every variant is trained by the command line, in a run folder of its own, with a short warm-up and
nothing else changed. Validation losses are in nats a token (for a classifier a text).
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from math import log
from pathlib import Path
from tempfile import TemporaryDirectory

from compiler.analysis.cost import count_parameters
from compiler.page.markdown import table
from compiler.pipeline import CompiledPackage, compile_spec
from compiler.spec.library import folder

STEPS, TOKENS, EVERY, WARMUP, DECAY = 200, 1024, 50, 100, 50
PAGE = """\
# Every variant learns

`python -m benchmarks.variants --out docs/results/variants.md`: {steps} updates of {tokens:,} tokens
on the embedded demo corpus (`specformer corpus`), warm-up {warmup}, one seed. Validation loss in
nats a token (for a classifier a text); "none" is what guessing all outputs alike would cost. A
small network and a short run: the table shows that each learns, not which is best.

{table}
"""


def main() -> None:
    """Trains all, or those that are named, and writes the table."""
    options = _options()
    names = options.names or _all()
    with TemporaryDirectory() as place:
        corpus = Path(place) / "corpus"
        _run("corpus", str(corpus))
        rows = [_row(name, corpus, Path(place) / name) for name in names]
    looks = [f"after {look}" for look in range(EVERY, STEPS + 1, EVERY)]
    heads = ["variant", "what it changes", "parameters", "none", *looks]
    losses = table(heads, rows, right=range(2, len(heads)))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(
        PAGE.format(steps=STEPS, tokens=TOKENS, warmup=WARMUP, table=losses), encoding="utf-8"
    )
    print(f"written: {options.out}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="variants; all by default")
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


def _all() -> list[str]:
    return ["demo", *sorted(path.stem for path in (folder() / "variants").glob("*.yaml"))]


def _row(name: str, corpus: Path, run: Path) -> list[str]:
    package = compile_spec(name)
    settings = [each for setting in _settings(package) for each in ("--set", setting)]
    _run("train", name, "--set", f"data.folder={corpus}", *settings, "--out", str(run))
    metrics = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    losses = [each["nll"] for each in metrics if each["kind"] == "valid"]
    cells = [name, package.spec.summary, f"{count_parameters(package.model):,}"]
    cells += [f"{log(_outputs(package)):.2f}", *(f"{loss:.2f}" for loss in losses)]
    print(*cells, sep="  ", flush=True)
    return cells


def _settings(package: CompiledPackage) -> Iterator[str]:
    """A short run in place of the whole one."""
    schedule = package.spec.training.schedule
    yield f"training.steps={STEPS}"
    yield f"training.batch_tokens={TOKENS}"
    yield f"training.validation.every={EVERY}"
    if schedule.warmup_steps > WARMUP:
        yield f"training.schedule.warmup_steps={WARMUP}"
    if getattr(schedule, "decay_steps", 0) > DECAY:
        yield f"training.schedule.decay_steps={DECAY}"


def _outputs(package: CompiledPackage) -> int:
    model = package.spec.model
    return model.classifier.classes if model.classifier else model.vocabulary.size or 1


def _run(*arguments: str) -> None:
    command = [sys.executable, "-m", "runtime", *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
