"""Folders of classes of transformers: compared, complete, and loaded without this project."""

import json
from pathlib import Path
from typing import Any

import pytest

from compiler.export.huggingface.table import HUGGINGFACE_NATIVE
from runtime.errors import UserError
from runtime.export.exporter import Options
from runtime.export.folder import Done, export_run
from runtime.export.huggingface import native_weights
from runtime.export.huggingface.native import NativeExporter
from runtime.export.source import Exportable
from runtime.inference.generator import Generator
from runtime.inference.translator import Translator
from tests.runtime.export.test_remote import printed
from tests.support.exports import drawn_run

transformers = pytest.importorskip("transformers")
pytestmark = pytest.mark.filterwarnings("ignore")

SETTINGS = ("model.vocabulary.size=300", "decoding.beam=1", "decoding.max_length=20")


def exported(run: Exportable, out: Path) -> Done:
    return export_run(run, HUGGINGFACE_NATIVE, NativeExporter(), out, Options(), sentences=50)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Exportable, Path]:
    """Return a run of `demo` with drawn weights, and the folder that is made of it."""
    folder = tmp_path_factory.mktemp("native")
    run = drawn_run(folder, "demo", SETTINGS)
    exported(run, folder / "out")
    return run, folder / "out"


def test_the_folder_holds_no_code(demo: tuple[Exportable, Path]) -> None:
    _, out = demo
    names = {each.name for each in out.iterdir()}
    assert names == {
        *("config.json", "generation_config.json", "model.safetensors", "README.md"),
        *("tokenizer.json", "tokenizer_config.json", "export.json"),
    }
    assert "auto_map" not in json.loads((out / "config.json").read_text())


def test_the_record_tells_what_was_said_otherwise(demo: tuple[Exportable, Path]) -> None:
    record = json.loads((demo[1] / "export.json").read_text())
    assert record["title"] == "PegasusForConditionalGeneration"
    assert any("sines first" in each for each in record["converted"])
    assert record["compared"]["difference"] < 1e-4


def test_the_program_of_the_card_needs_no_specformer(
    demo: tuple[Exportable, Path], tmp_path: Path
) -> None:
    """A fresh process that cannot import this project prints the translations of the run."""
    run, out = demo
    card = (out / "README.md").read_text()
    program = card.partition("```python\n")[2].partition("```")[0]
    assert "trust_remote_code" not in program
    lines = (Path(run.spec.data.folder) / "valid.en").read_text().splitlines()[:8]
    lines.append(" ".join(lines) * 9)  # longer than the table of positions
    ours = Translator(run.model(), *run.tokenizers, run.spec).translate(lines)
    assert printed(program, tmp_path, out, lines) == ours


def test_a_language_model_goes_on_from_prompts_as_they_are(tmp_path: Path) -> None:
    """Neither the program of the card nor a pipeline loses the space behind a prompt."""
    settings = ("model.vocabulary.size=300", "decoding.kind=beam", "decoding.beam=1")
    run = drawn_run(tmp_path, "language-model", (*settings, "decoding.max_extra_length=8"))
    out = tmp_path / "out"
    texts = exported(run, out).comparison.texts
    assert texts[0].equal == texts[0].count
    lines = (Path(run.spec.data.folder) / "valid.en").read_text().splitlines()[:6]
    lines += ["The old \u20ac sees", "  two spaces ", "a"]
    ours = Generator(run.model(), run.tokenizers[0], run.spec).generate(lines)
    program = (out / "README.md").read_text().partition("```python\n")[2].partition("```")[0]
    assert printed(program, tmp_path, out, lines) == ours
    pipe = transformers.pipeline("text-generation", model=str(out), device="cpu")
    for line, text in zip(lines[:6], ours, strict=False):
        assert pipe(line)[0]["generated_text"] == text


def test_a_wrong_network_is_not_written(
    demo: tuple[Exportable, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sines that are not moved are a planted fault: the folder must not be there."""

    def unmoved(_spec: Any, tensors: Any, new: Any) -> Any:
        return new, tensors

    monkeypatch.setitem(native_weights.NUMBERS, "sines_first", unmoved)
    with pytest.raises(UserError, match="is not the network of"):
        exported(demo[0], tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
