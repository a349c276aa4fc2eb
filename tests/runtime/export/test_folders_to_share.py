"""Exported folders may be shared: they name no place of the machine that wrote them."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from compiler.export.target import refusals
from compiler.export.targets import TARGETS
from runtime.export.exporter import Options
from runtime.export.exporters import EXPORTERS
from runtime.export.folder import export_run
from runtime.export.source import Exportable
from tests.support.exports import drawn_run

pytestmark = pytest.mark.quick


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Exportable:
    settings = ("model.vocabulary.size=300", "decoding.max_extra_length=6")
    return drawn_run(tmp_path_factory.mktemp("somewhere"), "demo", settings)


def contents(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the name and content of each file, of archives those of their members."""
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        if not zipfile.is_zipfile(path):
            yield path.name, path.read_bytes()
            continue
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                yield f"{path.name}: {name}", archive.read(name)


@pytest.mark.parametrize("name", TARGETS)
def test_no_file_names_a_place_or_a_sentence(name: str, run: Exportable, tmp_path: Path) -> None:
    for library in EXPORTERS[name].libraries:
        pytest.importorskip(library, reason="the extra `export` is not installed")
    assert not refusals(TARGETS[name], run.loaded)
    out = tmp_path / "out"
    export_run(run, TARGETS[name], EXPORTERS[name], out, Options(), sentences=50)
    text = Path(run.spec.data.folder)
    sentences = (text / "valid.en").read_text("utf-8").splitlines()[:50]
    places = [text.parent, tmp_path, Path(__file__).parents[3]]
    secrets = [f"{each}".encode() for each in (*places, *sentences) if len(f"{each}") > 12]
    found = {file: [each for each in secrets if each in data] for file, data in contents(out)}
    assert {file: each for file, each in found.items() if each} == {}
