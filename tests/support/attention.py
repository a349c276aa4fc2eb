"""Runs of random networks whose attention weights are looked at, without any training."""

from pathlib import Path

import torch

from compiler.pipeline import compile_spec
from runtime.attention.observe import Observer
from runtime.data.symbols import NAMES, NAMES_WITH_MASK
from runtime.data.tokenizers.segmented import SegmentedTokenizer
from runtime.data.tokenizers.tokenizer import save_tokenizers
from runtime.package import load_package
from runtime.run import Beginning, Run

WORDS = ("the", "dog", "fol@@", "lowed", "its", "owner", "into", "for@@", "est", ".", "so", "far")
TEXT = "the dog fol@@ lowed its owner into the for@@ est ."


def random_run(reference: str, folder: Path, *settings: str) -> Run:
    """Return a run of a spec, with tokenizers of a few words and without a checkpoint."""
    compiled = compile_spec(reference, settings)
    compiled.write(folder / "package")
    package = load_package(folder / "package")
    symbols = NAMES_WITH_MASK if package.spec.task != "translation" else NAMES
    rows = package.spec.model.vocabulary.size or package.spec.model.vocabulary.source or 0
    more = tuple(f"w{number}" for number in range(rows - len(WORDS) - len(symbols)))
    tokenizer = SegmentedTokenizer([*WORDS, *more], joiner="@@", symbols=symbols)

    def write_tokenizers(place: Path) -> None:
        save_tokenizers(tokenizer, tokenizer, place)

    return Run.begin(folder / "run", package, write_tokenizers, Beginning())


def random_observer(reference: str, folder: Path, *settings: str) -> Observer:
    """Return an observer of a random network whose weights are far from uniform."""
    run = random_run(reference, folder, *settings)
    torch.manual_seed(1)
    model = run.package.model_class()
    for name, parameter in model.named_parameters():
        if "query" in name:
            parameter.data *= 4
    return Observer.of(run, model)
