"""Measure `--engine ctranslate2` beside CTranslate2 called by a script, on a trained run.

    python -m benchmarks.exported --run RUN --data FOLDER --out results.json

Both have the same exports, in float32 and in int8, one worker of one thread, and search with the
beam and the length penalty that are asked for. The script hands words to `translate_batch` and
looks at nothing; the engine makes words of tokens, ranks what is found, and keeps the limit of each
sentence. In each round both translate everything, one after the other, 1,000 sentences in batches
of 64 and some of them one at a time. A speed is the output tokens (without END) a second of the
search alone; a ratio is the median of the ratios of the rounds. Test BLEU of our own engine and of
both exports, by the protocol of the run's spec, stands beside.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import torch

from benchmarks.arguments import positive
from benchmarks.command import say
from compiler.spec.decoding import other_decoding
from compiler.spec.load import load
from compiler.spec.lock import LOCK
from compiler.spec.spec import Spec
from runtime.export.engine import opened_network
from runtime.inference.engines.ctranslate2_decoder import CTranslate2Decoder
from runtime.inference.engines.ctranslate2_network import CTranslate2Network
from runtime.run import Run
from runtime.scoring.measures import read_scoring_set
from runtime.scoring.translations import evaluate_translations
from runtime.system.atomic_files import replace_file

BATCH = 64


@dataclass(frozen=True, kw_only=True)
class Side:
    """One export with its sentences."""

    network: CTranslate2Network
    spec: Spec
    rows: list[list[int]]

    def by_script(self, rows: Sequence[Sequence[int]]) -> int:
        """Translate rows as a script does -> the number of tokens."""
        decoding: Any = self.spec.decoding
        words = [[self.network.source_words[token] for token in row] for row in rows]
        found = self.network.opened.translate_batch(
            words,
            max_batch_size=BATCH,
            beam_size=decoding.beam,
            length_penalty=decoding.length_penalty,
            max_decoding_length=max(map(len, rows)) + decoding.max_extra_length,
        )
        return sum(len(each.hypotheses[0]) for each in found)

    def by_engine(self, rows: Sequence[Sequence[int]]) -> int:
        """Translate rows as `translate --engine ctranslate2` does -> the number of tokens."""
        found = CTranslate2Decoder(self.network, self.spec).decode(rows)
        return sum(len(best.tokens) for best, *_ in found)


def main() -> None:
    """Run the benchmark that the command line asks for."""
    options = _options()
    torch.set_num_threads(1)
    run, loaded = _opened(options)
    decoding = other_decoding(
        run.package.spec.decoding, "beam", beam=options.beam, normalization="length"
    )
    spec = run.package.spec.model_copy(update={"decoding": decoding})
    rows = run.tokenizers()[0].encode_lines(_sources(run, options.sentences))
    bleu = {"own": _bleu(run, decoding, None, int8=False)}
    bleu["own, validation set"] = _bleu(run, decoding, None, int8=False, split="valid")
    say(f"weights: {run.used()}")
    say(f"own: BLEU {bleu['own']:.2f}, of the validation set {bleu['own, validation set']:.2f}")
    lines = []
    for name in ("float32", "int8"):
        is_int8 = name == "int8"
        network = opened_network(run, loaded, spec, average=None, int8=is_int8, workers=1)
        bleu[name] = _bleu(run, decoding, network, int8=is_int8)
        say(f"CTranslate2, {name}: BLEU {bleu[name]:.2f}")
        side = Side(network=network, spec=spec, rows=rows)
        lines += [_measured(side, kind, name, options) for kind in ("batches", "one at a time")]
    results = {"bleu": bleu, "cases": lines}
    if options.out:
        replace_file(options.out, json.dumps(results, indent=2).encode() + b"\n")


def _opened(options: argparse.Namespace) -> tuple[Run, Any]:
    run = Run.open(options.run, options.checkpoint)
    loaded = load(str(run.package.folder / LOCK))
    if options.data is not None:
        spec = run.package.spec
        data = spec.data.model_copy(update={"folder": str(options.data)})
        run = replace(
            run, package=replace(run.package, spec=spec.model_copy(update={"data": data}))
        )
    return run, loaded


def _sources(run: Run, count: int) -> list[str]:
    return read_scoring_set(run.package.spec, "test", run.tokenizers()[1]).sources[:count]


def _bleu(
    run: Run,
    decoding: Any,
    network: CTranslate2Network | None,
    *,
    int8: bool,
    split: str = "test",
) -> float:
    found = evaluate_translations(
        run, split, decoding=decoding, device="cpu", network=network, int8=int8, report=say
    )
    return found.scores.bleu


def _measured(side: Side, kind: str, name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Speeds and their ratio for one export and one kind of call."""
    rows = side.rows if kind == "batches" else side.rows[: options.single_sentences]

    def turn(translate: Callable[[Sequence[Sequence[int]]], int]) -> float:
        started = time.perf_counter()
        groups = [rows] if kind == "batches" else [[row] for row in rows]
        tokens = sum(map(translate, groups))
        return tokens / (time.perf_counter() - started)

    both = (side.by_script, side.by_engine)
    for each in both:
        turn(each)
    speeds = [[turn(each) for each in both] for _ in range(options.rounds)]
    script, engine = (median(each) for each in zip(*speeds, strict=True))
    ratio = median(engine / script for script, engine in speeds)
    say(f"{name}, {kind}: script {script:,.0f}, engine {engine:,.0f} tokens a second, {ratio:.3f}")
    return {
        "weights": name,
        "kind": kind,
        "script": [script for script, _ in speeds],
        "engine": [engine for _, engine in speeds],
        "ratio": ratio,
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.exported", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--run", type=Path, metavar="RUN", required=True)
    parser.add_argument("--checkpoint", metavar="best|last|UPDATE")
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="the text, if it has moved")
    parser.add_argument("--beam", type=positive, default=4)
    parser.add_argument("--sentences", type=positive, default=1000)
    parser.add_argument("--single-sentences", type=positive, default=100, help="one at a time")
    parser.add_argument("--rounds", type=positive, default=5)
    parser.add_argument("--out", type=Path, metavar="FILE", help="JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
