import gzip
from pathlib import Path

import pytest

from compiler.spec.data import ParallelFiles, TabSeparated
from runtime.data.files import corpus_files, heading, read_rows
from runtime.data.lines import read_lines
from runtime.errors import UserError

pytestmark = pytest.mark.quick


@pytest.fixture
def two(tmp_path: Path) -> ParallelFiles:
    (tmp_path / "a.en").write_text("one\ntwo\n")
    (tmp_path / "a.de").write_text("eins\nzwei\n")
    return ParallelFiles(source="a.en", target="a.de")


TSV = TabSeparated(tsv="a.tsv")


def test_two_files_side_by_side(tmp_path: Path, two: ParallelFiles) -> None:
    assert list(read_rows(two, tmp_path)) == [("one", "eins"), ("two", "zwei")]


def test_gzip(tmp_path: Path) -> None:
    (tmp_path / "a.tsv.gz").write_bytes(gzip.compress(b"one\teins\ntwo\tzwei\n"))
    pairs = list(read_rows(TabSeparated(tsv="a.tsv.gz"), tmp_path))
    assert pairs == [("one", "eins"), ("two", "zwei")]


def test_columns(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("7\teins\tone\n\n8\tzwei\t\n")
    corpus = TabSeparated(tsv="a.tsv", source_column=2, target_column=1)
    assert list(read_rows(corpus, tmp_path)) == [("one", "eins"), ("", ""), ("", "zwei")]


def test_globs_are_alphabetical_and_lists_keep_their_order(tmp_path: Path) -> None:
    for name in ("c", "a", "b"):
        (tmp_path / f"{name}.tsv").write_text(f"{name}\t{name}\n")
    glob = [source for source, _ in read_rows(TabSeparated(tsv="*.tsv"), tmp_path)]
    listed = [source for source, _ in read_rows(TabSeparated(tsv=["c.tsv", "[ab].tsv"]), tmp_path)]
    assert (glob, listed) == (["a", "b", "c"], ["c", "a", "b"])


def test_a_file_whose_name_looks_like_a_glob(tmp_path: Path) -> None:
    (tmp_path / "a[1].tsv").write_text("one\teins\n")
    assert len(list(read_rows(TabSeparated(tsv="a[1].tsv"), tmp_path))) == 1


def test_absolute_paths_do_not_start_from_the_folder(tmp_path: Path, two: ParallelFiles) -> None:
    corpus = ParallelFiles(source=str(tmp_path / "*.en"), target=str(tmp_path / "a.de"))
    assert corpus_files(corpus, "elsewhere") == corpus_files(two, tmp_path)


def test_only_newlines_end_lines(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes("\ufeffa\u2028b\x0bc\x85\rd\r\n\n\u00a0e".encode())
    assert list(read_lines(tmp_path / "a")) == ["a\u2028b\x0bc\x85\rd", "", "\u00a0e"]


def test_a_missing_file(tmp_path: Path, two: ParallelFiles) -> None:
    (tmp_path / "a.de").unlink()
    with pytest.raises(UserError, match=r"(?m)there is no file .*/a\.de$") as caught:
        list(read_rows(two, tmp_path))
    assert str(tmp_path) in caught.value.help


def test_a_glob_without_files(tmp_path: Path) -> None:
    (tmp_path / "x.tsv").mkdir()
    with pytest.raises(UserError, match=r"(?m)no file matches .*/\*\.tsv$"):
        corpus_files(TabSeparated(tsv="*.tsv"), tmp_path)


def test_a_folder_instead_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").mkdir()
    with pytest.raises(UserError, match=r"a\.tsv cannot be read: Is a directory"):
        list(read_rows(TSV, tmp_path))


@pytest.mark.parametrize("side", ["en", "de"])
def test_an_empty_file(tmp_path: Path, two: ParallelFiles, side: str) -> None:
    (tmp_path / f"a.{side}").write_bytes(b"")
    with pytest.raises(UserError, match=rf"a\.{side} is empty"):
        list(read_rows(two, tmp_path))


@pytest.mark.parametrize(
    ("longer", "message"),
    [
        ("en", r"(?m)a\.en has 4 lines, but .*a\.de has 2$"),
        ("de", r"(?m)a\.en has 2 lines, but .*has 4$"),
    ],
)
def test_different_lengths(tmp_path: Path, two: ParallelFiles, longer: str, message: str) -> None:
    (tmp_path / f"a.{longer}").write_text("1\n2\n3\n4\n")
    with pytest.raises(UserError, match=message):
        list(read_rows(two, tmp_path))


@pytest.mark.usefixtures("two")
def test_different_numbers_of_files(tmp_path: Path) -> None:
    corpus = ParallelFiles(source=["a.en", "a.en"], target="a.de")
    with pytest.raises(UserError, match=r"2 source files \(.*a\.en \.\.\.\), but 1 target files"):
        list(read_rows(corpus, tmp_path))


def test_bytes_that_are_not_utf8(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_bytes(b"one\teins\nsch\xf6n\tnice\n")
    with pytest.raises(UserError, match=r"a\.tsv:2: not UTF-8: byte 0xf6 at place 4") as caught:
        list(read_rows(TSV, tmp_path))
    assert "iconv" in caught.value.help


def test_utf16(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_bytes("one\teins\n".encode("utf-16"))
    with pytest.raises(UserError, match=r"a\.tsv:1: not UTF-8: byte 0xff at place 1"):
        list(read_rows(TSV, tmp_path))


def test_too_few_columns(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("one\teins\ntwo zwei\n")
    with pytest.raises(UserError, match=r"a\.tsv:2: expected at least 2 columns .* got 1"):
        list(read_rows(TSV, tmp_path))


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(b"one\teins\n" * 999, mtime=0)[:-9],
        b"one\teins\n",
        gzip.compress(b"x", mtime=0)[:12] + b"!" * 9,
    ],
    ids=["truncated", "plain", "garbled"],
)
def test_a_damaged_gzip_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.tsv.gz").write_bytes(content)
    with pytest.raises(UserError, match=r"a\.tsv\.gz is not a complete gzip file"):
        list(read_rows(TabSeparated(tsv="a.tsv.gz"), tmp_path))


@pytest.mark.quick
@pytest.mark.parametrize(
    ("first", "is_named"),
    [
        ("source\ttarget", True),
        ('"English"\tGerman ', True),
        ("Source\tthe source", False),
        ("a dog\tein Hund", False),
        ("", False),
    ],
)
def test_the_names_of_columns_are_told_from_texts(
    tmp_path: Path, first: str, is_named: bool
) -> None:
    (tmp_path / "a.tsv").write_text(f"{first}\na bird\tein Vogel\n")
    corpus = TabSeparated(tsv="a.tsv", source_column=0, target_column=1)
    warning = heading(corpus, tmp_path)
    assert (warning is not None) == is_named
    assert warning is None or f"{tmp_path / 'a.tsv'}:1 looks like" in warning
