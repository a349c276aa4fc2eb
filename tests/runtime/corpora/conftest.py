"""The catalogue of corpora, changed so that small copies count as the published files."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from runtime.corpora import catalogue
from runtime.corpora.catalogue import PublishedCorpus, PublishedFile

Small = Callable[..., PublishedCorpus]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Small:
    """small(name, folder): the catalogue takes the files of the folder for the published ones."""

    def change(name: str, folder: Path, **changes: object) -> PublishedCorpus:
        real = catalogue.catalogue()
        known = dict(real)
        corpus = known[name]
        files = {each: _measured(file, folder / each) for each, file in corpus.files.items()}
        known[name] = corpus.model_copy(update={"files": files, **changes})
        monkeypatch.setattr(catalogue, "catalogue", lambda: known)
        return known[name]

    return change


def _measured(file: PublishedFile, path: Path) -> PublishedFile:
    if not path.exists() or not file.checked_by:
        return file
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return file.model_copy(update={"sha256": digest})


@pytest.fixture
def md5_of_archives(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Make sacreBLEU know the MD5 of the small archives of test sets in a folder."""
    from sacrebleu.dataset import DATASETS

    def change(folder: Path) -> None:
        for name, file in (("wmt13", "test.tgz"), ("wmt14/full", "test-full.tgz")):
            digest = hashlib.md5((folder / file).read_bytes()).hexdigest()
            monkeypatch.setattr(DATASETS[name], "md5", [digest])

    return change
