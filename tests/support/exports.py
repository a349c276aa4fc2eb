"""Runs with drawn weights, to be exported: a spec of the library, made tiny, on the demo corpus."""

from collections.abc import Sequence
from pathlib import Path

import torch

from compiler.pipeline import compile_loaded
from compiler.spec.load import load
from runtime.corpus import write_corpus
from runtime.data.tasks import task_of
from runtime.export.source import Exportable
from runtime.package import load_package
from runtime.run import Beginning, Run
from runtime.weights.run import write_first

SMALL = ("model.d_model=32", "model.attention.heads=4")
LINES = 300
SPREAD = 0.3
"""The deviation of weights, large enough for texts to differ and small enough for few ties."""


def drawn_run(folder: Path, name: str, settings: Sequence[str] = (), seed: int = 0) -> Exportable:
    """Make a run of a spec whose weights are drawn, and return it with all that is exported."""
    text = folder / "text"
    write_corpus(text, train=LINES, valid=70, test=4, seed=7)
    loaded = load(name, (*SMALL, f"data.folder={text}", *settings))
    package = compile_loaded(loaded)
    package.write(folder / "package")
    imported = load_package(folder / "package")
    torch.manual_seed(seed)
    weights = imported.model_class().state_dict()
    for each in weights.values():
        if each.is_floating_point():
            each += SPREAD * torch.randn_like(each) * each.std(correction=0).clamp(min=0.1)

    def write_tokenizers(place: Path) -> None:
        place.mkdir()
        task_of(loaded.spec).learn(LINES, place, lambda _: None)

    beginning = Beginning(
        origin={"imported": ["nothing"]},
        write_checkpoint=lambda place: write_first(place, imported, weights, is_interim=False),
    )
    run = Run.begin(folder / "run", imported, write_tokenizers, beginning)
    return Exportable.of(run, loaded)
