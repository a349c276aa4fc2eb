"""`specformer export --to ctranslate2`: the folder, its page, and its weights."""

import json
from pathlib import Path

import pytest

from tests.runtime.command.conftest import SHORT_TRAINING_OF_DECODER, Command, changed
from tests.support.folder_pages import written_by_page


def exported(specformer: Command, run: Path, *options: object) -> Path:
    ended = specformer("export", run, "--to", "ctranslate2", "--out", "out", *options)
    assert ended.code == 0, ended.err
    return Path("out").resolve()


def sentences(corpus: Path, language: str) -> list[str]:
    return (corpus / f"test.{language}").read_text("utf-8").splitlines()


def test_a_run_is_written_and_its_page_gives_the_same_texts(
    specformer: Command, taught_run: Path, corpus: Path
) -> None:
    folder = exported(specformer, taught_run)
    names = {each.name for each in folder.iterdir()}
    assert names == {
        *("model.bin", "config.json", "shared_vocabulary.json", "sentencepiece.model"),
        *("README.md", "export.json"),
    }
    lines = sentences(corpus, "en")
    (folder.parent / "lines").write_text("".join(f"{line}\n" for line in lines))
    ended = specformer("translate", taught_run, "--input", folder.parent / "lines")
    assert written_by_page(folder, lines) == ended.out.splitlines()


def test_what_was_compared_is_kept(specformer: Command, taught_run: Path) -> None:
    folder = exported(specformer, taught_run)
    record = json.loads((folder / "export.json").read_text())
    assert record["format"] == "ctranslate2"
    assert record["compared"]["difference"] < 1e-5
    assert all(each["equal"] == each["count"] for each in record["compared"]["texts"])
    assert {"specformer", "torch", "ctranslate2"} <= record["versions"].keys()


@pytest.mark.parametrize("quantize", ["int8", "int8_bfloat16"])
def test_weights_may_be_rounded(
    quantize: str, specformer: Command, taught_run: Path, tmp_path: Path
) -> None:
    folder = exported(specformer, taught_run, "--quantize", quantize)
    record = json.loads((folder / "export.json").read_text())
    assert record["quantize"] == quantize
    assert 0 < record["compared"]["difference"] < 1
    assert record["compared"]["bound"] is None
    (folder.parent / "out").rename(tmp_path / "rounded")
    whole = exported(specformer, taught_run)
    assert (tmp_path / "rounded" / "model.bin").stat().st_size < (
        whole / "model.bin"
    ).stat().st_size


@pytest.mark.parametrize(
    ("changes", "files"),
    [
        (("data.tokenizer=segmented",), set()),
        (("data.tokenizer=characters",), {"tokenizer.json"}),
        (
            (
                *("model.vocabulary.shared=false", "model.vocabulary.source=120"),
                *("model.vocabulary.target=110", "model.embedding.tied=target"),
            ),
            {"source.sentencepiece.model", "target.sentencepiece.model"},
        ),
    ],
)
def test_other_vocabularies(
    changes: tuple[str, ...],
    files: set[str],
    specformer: Command,
    tiny: list[str],
    corpus: Path,
) -> None:
    lessons = ("training.steps=60", "training.schedule.peak=0.02", "training.validation.every=60")
    settings = changed(tiny, *changes, *lessons, "decoding.beam=1")
    if "model.vocabulary.shared=false" in changes:
        at = settings.index("model.vocabulary.size=130")
        del settings[at - 1 : at + 1]
        settings += ["--set", "model.vocabulary.size=null"]
    if "characters" in changes[0]:
        settings = changed(settings, "model.vocabulary.size=60")
    trained = specformer("train", "demo", *settings, "--out", "run")
    assert trained.code == 0, trained.err
    folder = exported(specformer, Path("run"))
    assert files <= {each.name for each in folder.iterdir()}
    lines = sentences(corpus, "en")
    Path("lines").write_text("".join(f"{line}\n" for line in lines))
    ended = specformer("translate", "run", "--input", "lines")
    assert written_by_page(folder, lines) == ended.out.splitlines()


def test_a_language_model_draws_by_its_page(specformer: Command, corpus: Path) -> None:
    small = {
        **SHORT_TRAINING_OF_DECODER,
        "decoding.max_extra_length": 5,
        "data.folder": corpus,
    }
    options = [part for key, value in small.items() for part in ("--set", f"{key}={value}")]
    trained = specformer("train", "llama-like", *options, "--out", "run")
    assert trained.code == 0, trained.err
    folder = exported(specformer, Path("run"))
    beginnings = [line.split()[0] for line in sentences(corpus, "en")]
    texts = written_by_page(folder, beginnings)
    assert all(text.startswith(begun) for text, begun in zip(texts, beginnings, strict=True))


def test_a_spec_that_cannot_be_said_is_refused_at_its_lines(specformer: Command) -> None:
    ended = specformer("export", "query-key-norm", "--to", "ctranslate2", "--dry-run")
    assert ended.code == 2
    assert ended.err.count("error[not-exportable]: CTranslate2 ") == 3
    assert "query-key-norm.yaml:" in ended.err
