"""All specs of the tests that are right: the library, the golden cases, all tokenizers."""

from collections.abc import Iterator
from functools import cache

from compiler.source.diagnostic import Rejected
from compiler.spec.library import library
from compiler.spec.load import Loaded, load
from tests.support.hashes import CASES

TOKENIZERS = (
    "{kind: bytes}",
    "{kind: tokenizers, model: wordpiece}",
    "{kind: tokenizers, file: given.json, symbols: {padding: '[PAD]'}}",
)
"""Kinds of tokenizers that no spec of the library has."""


@cache
def good_specs() -> dict[str, Loaded]:
    """Return the specs of the library, and those of the cases that can be loaded."""
    tokenizers = {
        f"demo, {each}": load("demo", ["model.vocabulary.size=260", f"data.tokenizer={each}"])
        for each in TOKENIZERS
    }
    return {**{name: load(name) for name in library()}, **dict(_of_cases()), **tokenizers}


def _of_cases() -> Iterator[tuple[str, Loaded]]:
    for folder in sorted(each for each in CASES.iterdir() if each.is_dir()):
        settings = folder / "set.txt"
        overrides = settings.read_text("utf-8").splitlines() if settings.is_file() else []
        try:
            yield f"cases/{folder.name}", load(str(folder / "spec.yaml"), overrides)
        except Rejected:
            continue
