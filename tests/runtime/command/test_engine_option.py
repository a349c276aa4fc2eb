"""`--engine`: CTranslate2 decodes in the place of the run's network, and gives the same texts."""

import json
import shutil
from pathlib import Path

import pytest

from tests.runtime.command.conftest import SHORT_TRAINING_OF_DECODER, Command


@pytest.fixture
def run(taught_run: Path, tmp_path: Path) -> Path:
    """A run without exports."""
    return Path(shutil.copytree(taught_run, tmp_path / "run"))


@pytest.fixture
def lines(corpus: Path, tmp_path: Path) -> Path:
    """Sentences to translate, one of them empty."""
    text = (corpus / "test.en").read_text("utf-8") + "\n"
    (tmp_path / "lines").write_text(text, "utf-8")
    return tmp_path / "lines"


def exports(run: Path) -> list[str]:
    return sorted(each.name for each in (run / "exports").glob("*"))


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--n-best", 3),
        ("--beam", 1),
        ("--workers", 1, "--set", "decoding.normalization=length"),
        ("--set", "decoding.prefix=Die"),
        ("--set", "decoding.max_length=7"),
    ],
)
def test_translations_are_the_same(
    options: tuple[object, ...], specformer: Command, run: Path, lines: Path
) -> None:
    own = specformer("translate", run, "--input", lines, *options)
    found = specformer("translate", run, "--input", lines, "--engine", "ctranslate2", *options)
    assert (found.code, found.out) == (0, own.out)
    assert own.out.strip()


def test_an_export_is_made_once_for_each_choice(
    specformer: Command, run: Path, lines: Path
) -> None:
    asked = ("translate", run, "--input", lines, "--engine", "ctranslate2")
    specformer(*asked)
    (name,) = exports(run)
    model = run / "exports" / name / "model.bin"
    made = model.stat().st_mtime_ns
    specformer(*asked, "--beam", 2)
    assert exports(run) == [name]
    assert model.stat().st_mtime_ns == made
    specformer(*asked, "--int8")
    specformer(*asked, "--checkpoint", "last", "--set", "decoding.max_extra_length=2000")
    assert len(exports(run)) == 3
    for update in (1100, 1200, 1300):
        specformer(*asked, "--set", f"decoding.max_extra_length={update}")
    assert len(exports(run)) == 4


def test_a_damaged_export_is_made_anew(specformer: Command, run: Path, lines: Path) -> None:
    asked = ("translate", run, "--input", lines, "--engine", "ctranslate2")
    whole = specformer(*asked)
    (name,) = exports(run)
    model = run / "exports" / name / "model.bin"
    model.write_bytes(model.read_bytes()[:1000])
    assert specformer(*asked).out == whole.out
    assert model.stat().st_size > 1000


def test_evaluation_names_the_engine(specformer: Command, run: Path) -> None:
    own = specformer("evaluate", run, "--samples", 0)
    first = json.loads((run / "evaluation-test.json").read_text())
    found = specformer("evaluate", run, "--samples", 0, "--engine", "ctranslate2")
    second = json.loads((run / "evaluation-test.json").read_text())
    assert (own.code, found.code) == (0, 0)
    assert first["engine"] == "own"
    assert second["engine"].startswith("CTranslate2 4.")
    assert first["bleu"] == second["bleu"]
    assert "engine: CTranslate2" in found.out


def test_auto_takes_it_where_it_does_the_same(specformer: Command, run: Path, lines: Path) -> None:
    asked = ("translate", run, "--input", lines, "--device", "cpu", "--engine", "auto")
    assert "engine: ctranslate2\n" in specformer(*asked).err
    penalty = ("--set", "decoding.prefix=Die", "--repetition-penalty", 2)
    refused = specformer(*asked, *penalty)
    assert "engine: own, since CTranslate2 cannot honour `decoding.repetition_p" in refused.err
    assert refused.code == 0
    refused = specformer(*asked, "--set", "decoding.stop=certain")
    assert "engine: own, since CTranslate2 cannot honour `decoding.stop`" in refused.err
    assert refused.code == 0
    assert (
        "engine: own, since --precision was given"
        in specformer(*asked, "--precision", "float32").err
    )


def test_the_exports_that_are_used_are_kept(specformer: Command, run: Path, lines: Path) -> None:
    asked = ("translate", run, "--input", lines, "--engine", "ctranslate2")
    specformer(*asked)
    (used,) = exports(run)
    for update in (1100, 1200, 1300, 1400, 1500):
        specformer(*asked, "--set", f"decoding.max_extra_length={update}")
        specformer(*asked)
    assert len(exports(run)) == 4
    assert used in exports(run)


def test_a_run_that_cannot_keep_an_export(specformer: Command, run: Path, lines: Path) -> None:
    """A file stands for a folder without permissions, which tests of the superuser do not feel."""
    (run / "exports").touch()
    asked = ("translate", run, "--input", lines, "--device", "cpu", "--engine")
    own = specformer(*asked, "own")
    found = specformer(*asked, "auto")
    assert (found.code, found.out) == (0, own.out)
    assert "engine: own, since run/exports, where a run keeps" in found.err.replace(
        f"{run.parent}/", ""
    )
    refused = specformer(*asked, "ctranslate2")
    assert refused.code == 2
    assert "cannot be written: File exists" in refused.err
    assert "--engine own needs no export" in refused.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--set", "decoding.stop=certain"), "cannot honour `decoding.stop`"),
        (("--no-repeat-ngram", 2), "cannot honour `decoding.no_repeat_ngram`"),
        (("--precision", "float32"), "--precision is for --engine own"),
        (("--set", "decoding.prefix=Die", "--repetition-penalty", 2), "beside a prefix"),
    ],
)
def test_what_it_cannot_honour_is_refused(
    options: tuple[object, ...], message: str, specformer: Command, run: Path, lines: Path
) -> None:
    asked = ("translate", run, "--input", lines, "--device", "cpu", "--engine", "ctranslate2")
    ended = specformer(*asked, *options)
    assert ended.code == 2
    assert message in ended.err


def test_an_unsayable_spec_is_refused_at_its_line(
    specformer: Command, tiny: list[str], lines: Path
) -> None:
    mask = ("--set", "model.decoder.self_attention.mask=causal & window(4)")
    assert specformer("train", "demo", *tiny, *mask, "--out", "windows").code == 0
    asked = ("translate", "windows", "--input", lines, "--device", "cpu")
    ended = specformer(*asked, "--engine", "ctranslate2")
    assert ended.code == 2
    assert "error[not-exportable]: CTranslate2 applies windows step by step" in ended.err
    assert "spec.lock.yaml:" in ended.err
    ended = specformer(*asked, "--engine", "auto")
    assert ended.code == 0
    assert "engine: own, since CTranslate2 applies windows" in ended.err


def test_continuations_are_the_same(specformer: Command, corpus: Path) -> None:
    sizes = {
        **SHORT_TRAINING_OF_DECODER,
        "training.steps": 60,
        "training.schedule.warmup_steps": 10,
        "training.schedule.peak": 0.02,
        "training.validation.every": 60,
        "data.folder": corpus,
    }
    options = [part for key, value in sizes.items() for part in ("--set", f"{key}={value}")]
    assert specformer("train", "language-model", *options, "--out", "run").code == 0
    prompts = [part for each in ("", "The", "A dog") for part in ("--prompt", each)]
    asked = ("generate", "run", *prompts, "--beam", 1, "--device", "cpu")
    own, found = specformer(*asked), specformer(*asked, "--engine", "ctranslate2")
    assert (found.code, found.out) == (0, own.out)
    drawn = specformer("generate", "run", *prompts, "--engine", "ctranslate2", "--device", "cpu")
    assert drawn.code == 2
    assert "its draws are not those of `seed` and line" in drawn.err
