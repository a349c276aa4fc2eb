"""Texts that `evaluate --test` is given: labels that are not known, names of columns."""

from pathlib import Path

import pytest

from tests.runtime.command.conftest import Command

pytestmark = pytest.mark.quick


def test_an_unknown_label_is_named_with_its_line(
    specformer: Command, corpus: Path, tmp_path: Path
) -> None:
    settings = (
        *("model.d_model=16", "model.attention.heads=2", "model.classifier.classes=7"),
        *(f"data.folder={corpus}", "training.steps=1", "training.schedule.warmup_steps=1"),
        *("training.validation.every=1", "model.vocabulary.size=130"),
    )
    options = [part for each in settings for part in ("--set", each)]
    trained = specformer("train", "classifier", "--out", "run", "--device", "cpu", *options)
    assert trained.code == 0, trained.err
    (tmp_path / "a.tsv").write_text("The dog.\tcase\nThe cat.\tbogus\n")
    given = f"{{tsv: {tmp_path / 'a.tsv'}, text_column: 0, label_column: 1}}"
    ended = specformer("evaluate", "run", "--test", given, "--device", "cpu")
    assert ended.code == 2
    assert f"{tmp_path / 'a.tsv'}:2: the label 'bogus' is not in data.train" in ended.err
    (tmp_path / "a.tsv").write_text("The dog.\tcase\n")
    assert specformer("evaluate", "run", "--test", given, "--device", "cpu").code == 0


def test_names_of_columns_are_pointed_out(
    specformer: Command, trained_run: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.tsv").write_text("en\tde\nThe dog.\tDer Hund.\n")
    given = f"{{tsv: {tmp_path / 'a.tsv'}, source_column: 0, target_column: 1}}"
    ended = specformer("evaluate", trained_run, "--test", given, "--device", "cpu")
    assert ended.code == 0, ended.err
    assert "a.tsv:1 looks like the names of columns ('en', 'de')" in ended.err
