"""`translate`: files, standard input, conversations, and what can be wrong with them."""

import errno
import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import runtime
from runtime.command import lines, translate
from runtime.inference.translator import Translation

pytestmark = pytest.mark.quick

Command = Callable[..., Any]


class Input(io.TextIOWrapper):
    """Standard input that holds a text, typed at a terminal or not."""

    def __init__(self, content: bytes, *, is_terminal: bool = False) -> None:
        super().__init__(io.BytesIO(content), encoding="utf-8")
        self.is_terminal = is_terminal

    def isatty(self) -> bool:
        return self.is_terminal


@pytest.fixture
def sentences(tmp_path: Path) -> Path:
    path = tmp_path / "input.en"
    path.write_text("The dog sleeps.\n\nA cat sees the small house.\n", encoding="utf-8")
    return path


def test_a_file_becomes_a_file(
    specformer: Command, trained_run: Path, sentences: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.de"
    ended = specformer("translate", trained_run, "--input", sentences, "--output", output)
    assert ended.code == 0, ended.err
    lines = output.read_text(encoding="utf-8").split("\n")
    assert lines == [*runtime.load(trained_run).translate(sentences.read_text().split("\n"))]
    assert lines[1] == ""


def test_standard_input_to_standard_output(
    specformer: Command,
    trained_run: Path,
    sentences: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expected = specformer("translate", trained_run, "--input", sentences).out
    monkeypatch.setattr(sys, "stdin", Input(sentences.read_bytes()))
    monkeypatch.setattr(lines, "LINES_AT_ONCE", 2)
    assert specformer("translate", trained_run).out == expected
    assert expected.count("\n") == 3


def test_a_terminal_is_answered_line_by_line(
    specformer: Command, trained_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = runtime.load(trained_run).translate(["The dog sleeps.", "A cat."])
    typed = Input(b"The dog sleeps.\nA cat.\n", is_terminal=True)
    monkeypatch.setattr(sys, "stdin", typed)
    ended = specformer("translate", trained_run)
    assert ended.code == 0
    assert ended.out.splitlines() == expected
    assert ended.err.count("> ") == 3
    monkeypatch.setattr(sys, "stdin", Input(b"caf\xe9\n", is_terminal=True))
    ended = specformer("translate", trained_run)
    assert ended.code == 2
    assert "standard input, line 1: not UTF-8" in ended.err


def test_n_best_lines_have_number_score_and_text(
    specformer: Command, trained_run: Path, sentences: Path
) -> None:
    ended = specformer("translate", trained_run, "--input", sentences, "--n-best", 2, "--beam", 3)
    rows = [line.split("\t") for line in ended.out.splitlines()]
    assert [number for number, _, _ in rows] == ["1", "1", "2", "3", "3"]
    assert float(rows[0][1]) >= float(rows[1][1])


def test_set_changes_the_decoding(specformer: Command, trained_run: Path, sentences: Path) -> None:
    arguments = ("translate", trained_run, "--input", sentences, "--set")
    assert specformer(*arguments, "decoding.max_length=0").code == 2
    short = specformer(*arguments, "decoding.max_length=1").out.splitlines()
    assert all(len(line.split()) <= 1 for line in short)
    ended = specformer(*arguments, "decoding.beem=2")
    assert ended.code == 2
    assert "did you mean `beam`?" in ended.err
    ended = specformer(*arguments, "decoding.beam=two")
    assert ended.err.startswith("--set:1:15: error[bad-value]: expected a whole number, got `two`")
    ended = specformer(*arguments, "model.d_model=8")
    assert ended.code == 2
    assert "has only its decoding left" in ended.err


def test_an_existing_output_is_replaced_by_force_only(
    specformer: Command, trained_run: Path, sentences: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.de"
    output.write_text("precious\n")
    arguments = ("translate", trained_run, "--input", sentences, "--output", output)
    ended = specformer(*arguments)
    assert (ended.code, output.read_text()) == (2, "precious\n")
    assert "--force" in ended.err
    assert specformer(*arguments, "--force").code == 0
    assert output.read_text() != "precious\n"


def test_an_output_that_cannot_be(specformer: Command, trained_run: Path, tmp_path: Path) -> None:
    ended = specformer("translate", trained_run, "--output", tmp_path / "no" / "out.de")
    assert (ended.code, ended.err.splitlines()[0]) == (
        2,
        f"error: there is no folder {tmp_path}/no",
    )
    ended = specformer("translate", trained_run, "--output", tmp_path, "--force")
    assert (ended.code, ended.err.splitlines()[0]) == (2, f"error: {tmp_path} is a folder")


def test_more_translations_than_the_beam_holds(specformer: Command, trained_run: Path) -> None:
    ended = specformer("translate", trained_run, "--n-best", 9)
    assert (ended.code, ended.err.splitlines()[-1]) == (2, "help: add --beam 9")


@pytest.mark.parametrize("where", ["file", "standard input"])
def test_bytes_that_are_not_utf_8(
    specformer: Command,
    trained_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
) -> None:
    path = tmp_path / "latin.en"
    path.write_bytes(b"fine\nr\xe9sum\xe9\n")
    monkeypatch.setattr(sys, "stdin", Input(path.read_bytes()))
    output = tmp_path / "out.de"
    given = ("--input", path) if where == "file" else ()
    ended = specformer("translate", trained_run, *given, "--output", output)
    assert ended.code == 2
    assert "2" in ended.err
    assert "not UTF-8" in ended.err
    assert not list(tmp_path.glob("*out.de*"))


def test_a_full_disk_leaves_no_half_a_file(
    specformer: Command,
    trained_run: Path,
    sentences: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fill(*_: object) -> Iterator[str]:
        yield "the first line\n"
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(translate, "formatted", fill)
    output = tmp_path / "out.de"
    ended = specformer("translate", trained_run, "--input", sentences, "--output", output)
    assert ended.code == 2
    assert f"\nerror: {output} cannot be written: the disk is full" in ended.err
    assert not list(tmp_path.glob("*out.de*"))


def test_a_folder_that_is_no_run(specformer: Command, tmp_path: Path) -> None:
    ended = specformer("translate", tmp_path)
    assert ended.code == 2
    assert "is not a run" in ended.err


def test_beginnings_are_read_beside_the_text(
    specformer: Command, trained_run: Path, sentences: Path, tmp_path: Path
) -> None:
    beginnings, output = tmp_path / "beginnings", tmp_path / "out.de"
    arguments = ("translate", trained_run, "--input", sentences, "--prefix", beginnings)
    beginnings.write_text("Der alte\n\nWir\n")
    ended = specformer(*arguments)
    assert ended.code == 0, ended.err
    first, second, third = ended.out.splitlines()
    assert (first[:8], second, third[:3]) == ("Der alte", "", "Wir")
    shared = specformer(*arguments, "--workers", 2)
    assert shared.out == ended.out
    assert specformer(*arguments, "--int8").out.startswith("Der alte")
    for content, message in (
        ("Der\n", "has 1 lines, and the text has more"),
        ("Der\n\nWir\nSie\n", "has 4 lines, and the text has 3"),
        ("Der\n\n\u4e16\n", "line 3: the prefix has a token that the target's vocabulary does"),
        (f"{'Der ' * 500}\n\n\n", "line 1: the prefix has"),
    ):
        beginnings.write_text(content)
        ended = specformer(*arguments, "--output", output)
        assert ended.code == 2
        assert message in ended.err
        assert not output.exists()


def test_one_prefix_for_all(specformer: Command, trained_run: Path, sentences: Path) -> None:
    arguments = ("translate", trained_run, "--input", sentences, "--set")
    text = specformer(*arguments, "decoding.prefix=Der")
    tokens = specformer(*arguments, 'decoding.prefix=["▁D", "er"]')
    assert text.code == 0, text.err
    assert [line[:3] for line in text.out.splitlines()] == ["Der"] * 3
    ended = specformer(*arguments, 'decoding.prefix=["▁Nirgends"]')
    assert ended.code == 2
    assert "`decoding.prefix` has a token that the target's vocabulary does not have" in ended.err
    assert tokens.code in (0, 2)


def test_repetition_is_bounded_by_options(
    specformer: Command, trained_run: Path, sentences: Path
) -> None:
    arguments = ("translate", trained_run, "--input", sentences)
    free = specformer(*arguments)
    bounded = specformer(*arguments, "--no-repeat-ngram", 1)
    assert bounded.code == 0, bounded.err
    assert bounded.out != free.out
    by_set = specformer(*arguments, "--set", "decoding.no_repeat_ngram=1")
    assert by_set.out == bounded.out
    both = specformer(*arguments, "--no-repeat-ngram", 1, "--set", "decoding.no_repeat_ngram=2")
    assert "the command line sets decoding.no_repeat_ngram 2 times" in both.err
    strange = specformer(*arguments, "--repetition-penalty", 0)
    assert "Invalid value for '--repetition-penalty'" in strange.err
    evaluated = specformer("evaluate", trained_run, "--repetition-penalty", 1.5, "--beam", 2)
    assert "beam 2, length penalty 0.6 (gnmt), repetition penalty 1.5" in evaluated.out


@pytest.mark.quick
def test_tabs_and_ends_of_lines_break_no_columns() -> None:
    several = [[Translation(text="a\tb\nc\rd", score=-1.0, tokens=3)] * 2]
    columns = [line.split("\t") for line in translate.formatted(several, 7, 2)]
    assert columns == [["7", "-1.0000", "a b c d\n"]] * 2
    assert list(translate.formatted([several[0][:1]], 7, 1)) == ["a\tb c\rd\n"]
