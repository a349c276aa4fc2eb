"""The page of a folder for CTranslate2 has a function that writes what the run writes."""

from pathlib import Path

import pytest

from compiler.spec.load import load
from runtime.export.ctranslate2.exporter import CTranslate2Exporter
from runtime.export.exporter import Options
from runtime.export.source import Exportable
from runtime.inference.generator import Generator
from runtime.inference.translator import Translator
from runtime.published.model import Import
from runtime.run import Run
from tests.runtime.published.folders import KINDS, lines, published
from tests.support.exports import drawn_run
from tests.support.folder_pages import page_code, written_by_page

pytestmark = pytest.mark.filterwarnings("ignore")

FEW = ("model.vocabulary.size=120", "model.encoder.layers=1", "model.decoder.layers=1")
SHORT = ("decoding.max_extra_length=6",)
DECODINGS = {
    "greedy, with a prefix": ("decoding.beam=1", "decoding.prefix=The"),
    "greedy, with several ends": ("decoding.beam=1", "decoding.ends=[▁the, ▁a, s, en]"),
    "greedy, of some length": ("decoding.beam=1", "decoding.min_length=3", "decoding.max_length=5"),
    "with beams and a prefix": ("decoding.beam=3", "decoding.prefix=The", "decoding.min_length=1"),
}


def folder_of(run: Exportable, folder: Path) -> Path:
    """Return an exported folder."""
    out = folder / "out"
    out.mkdir()
    CTranslate2Exporter().write(run, out, Options())
    return out


def sources(run: Exportable) -> list[str]:
    """Return some lines, one of them too long for the network."""
    found = (Path(run.spec.data.folder) / "valid.en").read_text().splitlines()[:8]
    return [*found, " ".join(found * 8)]


@pytest.mark.quick
@pytest.mark.parametrize("decoding", DECODINGS)
def test_translations_are_those_of_the_run(decoding: str, tmp_path: Path) -> None:
    run = drawn_run(tmp_path, "demo", (*FEW, *SHORT, *DECODINGS[decoding]))
    own = Translator(run.model(), *run.tokenizers, run.spec).translate(sources(run))
    assert len({*own}) > 1
    assert written_by_page(folder_of(run, tmp_path), sources(run)) == own


@pytest.mark.quick
@pytest.mark.parametrize("ends", [(), ("decoding.ends=[▁the, ▁a, s, en]",)])
def test_texts_of_a_language_model_are_those_of_the_run(
    ends: tuple[str, ...], tmp_path: Path
) -> None:
    """A long prompt loses its beginning; a text ends with the table of positions."""
    positions = "model.embedding.position={kind: learned, max_length: 24}"
    settings = (FEW[0], FEW[2], *SHORT, positions, "data.max_length=24", "decoding.beam=1", *ends)
    run = drawn_run(tmp_path, "language-model", settings)
    own = Generator(run.model(), run.tokenizers[1], run.spec)
    prompts = [" ".join(line.split()[:4]) for line in sources(run)[:6]]
    prompts += [" ".join(sources(run)[-1].split()[:6]), sources(run)[-1]]
    assert written_by_page(folder_of(run, tmp_path), prompts) == own.generate(prompts)


@pytest.mark.parametrize("name", ["mbart", "m2m100"])
def test_languages_stand_before_texts(name: str, tmp_path: Path) -> None:
    theirs = published(name, 1, tmp_path)
    found = Import.of(theirs.folder, tmp_path / "run", languages=KINDS[name].languages)
    found.check()
    found.create()
    run = Run.open(tmp_path / "run")
    exportable = Exportable.of(run, load(str(run.folder / "spec.yaml")))
    own = Translator(exportable.model(), *exportable.tokenizers, exportable.spec)
    out = folder_of(exportable, tmp_path)
    assert all(f'"{each}"' in page_code(out) for each in KINDS[name].before)
    assert written_by_page(out, lines()[:6]) == own.translate(lines()[:6])
