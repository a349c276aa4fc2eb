"""Folders of graphs: the program of their README runs where this project cannot be imported."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from runtime.export.exporter import Exporter, Options
from runtime.export.programs.onnx_graphs import OnnxGraphs
from runtime.export.programs.torch_programs import TorchPrograms
from runtime.export.source import Exportable
from runtime.inference.classifier import Classifier
from runtime.inference.embedder import Embedder
from runtime.inference.filler import Filler
from runtime.inference.translator import Translator
from tests.support.exports import drawn_run

SETTINGS = ("model.encoder.layers=1", "model.vocabulary.size=300")
SEGMENTS = ("model.embedding.segments=2",)
CHARACTERS = (*SEGMENTS, "data.tokenizer={kind: characters}", "model.vocabulary.size=48")
BLOCKED = {"torch": ("compiler", "runtime"), "onnx": ("compiler", "runtime", "torch")}
ALONE = """
import runpy, sys
class Blocked:
    def find_spec(self, name, *_):
        if name.partition(".")[0] in {blocked}:
            raise ImportError(name)
sys.meta_path.insert(0, Blocked())
sys.path[:] = [each for each in sys.path if each]
sys.argv = ["{script}"]
runpy.run_path("{script}", run_name="__main__")
"""
ENCODERS = [
    ("classifier", (), OnnxGraphs()),
    ("classifier", (), TorchPrograms()),
    ("masked-language-model", (), OnnxGraphs()),
    ("masked-language-model", SEGMENTS, TorchPrograms()),
    ("masked-language-model", CHARACTERS, OnnxGraphs()),
    ("embedding", (), OnnxGraphs()),
    ("embedding", (), TorchPrograms()),
]


def printed(folder: Path, lines: list[str], form: str, script: str = "program.py") -> list[str]:
    """Return what a program of a folder prints for lines, in a process of its own."""
    code = ALONE.format(blocked=BLOCKED[form], script=script)
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        input="".join(f"{each}\n" for each in lines),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def lines_of(run: Exportable) -> list[str]:
    """Return some lines, one too long for the network, one with the name of a symbol."""
    column = (Path(run.spec.data.folder) / "valid.en").read_text().splitlines()
    lines = [each.split("\t")[0] for each in column[:4]]
    return [*lines, " ".join(lines * 30), "the <s> old [BEGIN] man"]


@pytest.mark.quick
@pytest.mark.parametrize(("name", "settings", "exporter"), ENCODERS)
def test_the_readme_has_a_program_that_reads_lines(
    name: str, settings: tuple[str, ...], exporter: Exporter, tmp_path: Path
) -> None:
    """It prints the labels, tokens or vectors that the run's own command does."""
    run = drawn_run(tmp_path, name, (*SETTINGS, *settings))
    folder = tmp_path / "out"
    folder.mkdir()
    exporter.write(run, folder, Options())
    readme = (folder / "README.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    (folder / "program.py").write_text(code)
    model, tokenizer = run.model(), run.tokenizers[0]
    lines = lines_of(run)
    if name == "classifier":
        classifier = Classifier.of_run(run.run, model, run.spec, 1)
        assert printed(folder, lines, exporter.name) == classifier.classify(lines)
        assert len({*classifier.labels}) > 1
    elif name == "embedding":
        vectors = [each.split() for each in printed(folder, lines, exporter.name)]
        expected = Embedder(model, tokenizer, run.spec).embed(lines)
        np.testing.assert_allclose(np.array(vectors, float), expected, atol=1e-4)
    else:
        gaps = ["the [MASK] man", "___ old ___ sees [MASK].", "a man sees the ____"]
        expected = Filler(model, tokenizer, run.spec).fill(gaps, 1)
        tokens = [" ".join(best.text for (best,) in several) for several in expected]
        found = printed(folder, gaps, exporter.name)
        assert len(found) == len(tokens)
        assert found == tokens


@pytest.mark.quick
def test_programs_of_torch_have_a_search(tmp_path: Path) -> None:
    """`decode.py` writes what `translate` does, in another process, from `start` and `step`."""
    settings = (*SETTINGS, "model.decoder.layers=1", "decoding.max_length=10", "decoding.beam=2")
    run = drawn_run(tmp_path, "demo", settings)
    folder = tmp_path / "out"
    folder.mkdir()
    TorchPrograms().write(run, folder, Options())
    lines = lines_of(run)[:3]
    own = Translator(run.model(), *run.tokenizers, run.spec)
    assert printed(folder, lines, "torch", "decode.py") == own.translate(lines)
    assert "python decode.py" in (folder / "README.md").read_text()
