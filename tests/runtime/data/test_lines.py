"""Lines of text: encodings, packings, pipes, devices, files that change."""

import bz2
import errno
import gzip
import io
import lzma
import os
import threading
from pathlib import Path

import pytest

from compiler.spec.data import LabelledColumns, ParallelFiles, TabSeparated, TextFiles
from runtime.data import lines as lines_module
from runtime.data.encodings import STREAM
from runtime.data.files import corpus_files, read_rows
from runtime.data.lines import decoded_lines, expecting, file_digest, read_lines
from runtime.errors import UserError

pytestmark = pytest.mark.quick

TEXT = "a dog\na bird\n"


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        *((f"a.{end}", gzip.compress) for end in ("gz", "GZ", "Gz")),
        *((f"a.{end}", lzma.compress) for end in ("xz", "XZ")),
        *((f"a.{end}", bz2.compress) for end in ("bz2", "BZ2")),
    ],
)
def test_packed_text_is_read(tmp_path: Path, name: str, pack: object) -> None:
    (tmp_path / name).write_bytes(pack(TEXT.encode()))  # type: ignore[operator]
    assert list(read_lines(tmp_path / name)) == ["a dog", "a bird"]


def test_several_members_are_one_text(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"a\n") + gzip.compress(b"b\n"))
    assert list(read_lines(tmp_path / "a.gz")) == ["a", "b"]


@pytest.mark.parametrize("end", ["gz", "xz", "bz2"])
@pytest.mark.parametrize("damage", ["cut", "plain", "garbled"])
def test_a_damaged_packed_file(tmp_path: Path, end: str, damage: str) -> None:
    pack = {"gz": gzip.compress, "xz": lzma.compress, "bz2": bz2.compress}[end]
    whole = pack(os.urandom(5000).hex().encode())
    content = {"cut": whole[:-9], "plain": b"a dog\n", "garbled": whole[:40] + b"!" * 99}[damage]
    (tmp_path / f"a.{end}").write_bytes(content)
    kind = {"gz": "gzip", "xz": "xz", "bz2": "bzip2"}[end]
    with pytest.raises(UserError, match=rf"a\.{end} is not a complete {kind} file: "):
        list(read_lines(tmp_path / f"a.{end}"))


@pytest.mark.parametrize(
    ("end", "pack"), [("gz", gzip.compress), ("xz", lzma.compress), ("bz2", bz2.compress)]
)
@pytest.mark.parametrize("size", [3, 300_000])
def test_what_follows_a_packed_text(tmp_path: Path, end: str, pack: object, size: int) -> None:
    """Other streams and zeros belong to it; anything else is no text that may be left out."""
    path, first, second = tmp_path / f"a.{end}", "x" * size, "y" * size
    one, two = (pack(f"{line}\n".encode()) for line in (first, second))  # type: ignore[operator]
    for content in (one + two, one + bytes(8) + two, one + two + bytes(200_000)):
        path.write_bytes(content)
        assert list(read_lines(path)) == [first, second]
    for junk in (b"junk", b"\0\0\0\0junk", two[:-3]):
        path.write_bytes(one + junk)
        with pytest.raises(UserError, match="is not a complete"):
            list(read_lines(path))


@pytest.mark.parametrize("end", ["zst", "zip", "tar", "tgz", "7z", "lz4"])
def test_what_is_packed_otherwise_says_how_to_unpack_it(tmp_path: Path, end: str) -> None:
    (tmp_path / f"a.{end}").write_bytes(b"x")
    with pytest.raises(UserError, match="compressed in a format that is not read here") as caught:
        list(read_lines(tmp_path / f"a.{end}"))
    assert caught.value.help.startswith("unpack it: `")


GERMAN = "schöne Vögel über Bäumen\n" * 3


@pytest.mark.parametrize(
    ("content", "message", "help"),
    [
        (GERMAN.encode("utf-16"), "the file is UTF-16", "iconv -f UTF-16 "),
        (GERMAN.encode("utf-16-le"), "the file is UTF-16LE", "iconv -f UTF-16LE "),
        (GERMAN.encode("utf-16-be"), "the file is UTF-16BE", "iconv -f UTF-16BE "),
        (GERMAN.encode("utf-32"), "the file is UTF-32", "iconv -f UTF-32 "),
        (TEXT.encode("utf-16-le"), "the file is UTF-16LE", "iconv -f UTF-16LE "),
        (TEXT.encode("utf-32-be"), "the file is UTF-32BE", "iconv -f UTF-32BE "),
        (b"a dog\na b\0rd\n", "a:2: a zero byte at place 4", r"tr -d '\000'"),
        (bytes(50), "a:1: a zero byte at place 1 of the line, which", r"tr -d '\000' < "),
        (gzip.compress(b"x", mtime=0), "the file is packed by gzip", "`.gz`"),
        (lzma.compress(b"x"), "the file is packed by xz", "`.xz`"),
        (GERMAN.encode("latin-1"), "not UTF-8: byte 0xf6", "iconv -f LATIN1 "),
        ("das „schöne“ Haus\n".encode("cp1252"), "not UTF-8", "iconv -f WINDOWS-1252 "),
        ("привет, мир\n".encode("koi8-r"), "not UTF-8", "find out its encoding"),
        ("你好世界\n".encode("gb18030"), "not UTF-8", "find out its encoding"),
        ("schön\n".encode() + b"a\xf6\n", "the lines before it are", "mend this line"),
        (b"a dog\ra bird\r", "a carriage return alone", r"tr '\r' '\n'"),
    ],
)
def test_what_is_no_utf_8_text_is_named(
    tmp_path: Path, content: bytes, message: str, help: str
) -> None:
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(UserError) as caught:
        list(read_lines(tmp_path / "a"))
    assert message in str(caught.value)
    assert help in caught.value.help


@pytest.mark.parametrize(
    ("content", "command"),
    [
        (GERMAN.encode("latin-1"), "iconv -f LATIN1 -t UTF-8"),
        ("你好世界\n".encode("gb18030"), "file -"),
        (b"a dog\na b\0rd\n", r"tr -d '\000'"),
        (b"a dog\ra bird\r", r"tr '\r' '\n'"),
    ],
)
def test_text_from_standard_input_is_converted_within_a_pipe(content: bytes, command: str) -> None:
    with pytest.raises(UserError) as caught:
        list(decoded_lines(io.BytesIO(content), STREAM))
    assert f"... | {command} | specformer ..." in caught.value.help
    assert STREAM not in caught.value.help


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_the_end_of_the_last_line_may_be_missing(tmp_path: Path, end: str) -> None:
    (tmp_path / "a").write_bytes(f"a\r\nb{end}".encode())
    assert list(read_lines(tmp_path / "a")) == ["a", "b"]


def test_a_byte_order_mark_is_dropped_from_a_stream_as_from_a_file() -> None:
    stream = io.BytesIO("\ufeffone\n\ufefftwo\n".encode())
    assert list(decoded_lines(stream, "standard input")) == ["one", "\ufefftwo"]


def test_a_line_without_an_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines_module, "LONGEST_LINE", 100)
    with pytest.raises(UserError, match="no line ends within 100 bytes"):
        list(read_lines(Path("/dev/zero")))
    (tmp_path / "a").write_text("a" * 101)
    with pytest.raises(UserError, match=":1: no line ends within 100 bytes"):
        list(read_lines(tmp_path / "a"))


@pytest.mark.parametrize("place", ["/dev/zero", "/dev/urandom", "pipe"])
def test_a_corpus_is_no_pipe_and_no_device(tmp_path: Path, place: str) -> None:
    if place == "pipe":
        os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match=r"is a (pipe|device)"):
        corpus_files(TextFiles(text=place), tmp_path)
    with pytest.raises(UserError, match=r"is a (pipe|device)"):
        file_digest(tmp_path / place)


def test_lines_of_a_pipe_are_read_as_they_come(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_text(TEXT))
    writer.start()
    assert list(read_lines(tmp_path / "pipe")) == ["a dog", "a bird"]
    writer.join()


def test_a_file_that_the_system_makes_up_is_no_corpus() -> None:
    """Its size is 0, and yet it has bytes: what is read is bound by the size."""
    with pytest.raises(UserError, match=r"cpuinfo (is empty|has changed)"):
        list(read_lines(Path("/proc/cpuinfo")))


@pytest.mark.parametrize("name", ["a", "a.gz"])
def test_a_file_that_grows_while_it_is_read_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    lines = "".join(f"line {number}\n" for number in range(99_999)).encode()
    path.write_bytes(gzip.compress(lines) if name == "a.gz" else lines)
    reading = read_lines(path)
    next(reading)
    with path.open("ab") as file:
        file.write(path.read_bytes())
    with pytest.raises(UserError, match="has changed while it was read"):
        list(reading)
    reading = read_lines(path, is_fixed=False)
    next(reading)
    with path.open("ab") as file:
        file.write(path.read_bytes())
    assert len(list(reading)) == 2 * 99_999 - 1


def test_the_bytes_that_are_read_must_have_the_digest(tmp_path: Path) -> None:
    (tmp_path / "a").write_text(TEXT)
    with expecting({tmp_path / "a": file_digest(tmp_path / "a")}):
        assert len(list(read_lines(tmp_path / "a"))) == 2
        (tmp_path / "a").write_text(TEXT.replace("dog", "cat"))
        with pytest.raises(UserError, match="has changed while it was read"):
            list(read_lines(tmp_path / "a"))
    assert len(list(read_lines(tmp_path / "a"))) == 2


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EACCES, errno.EIO])
def test_an_error_of_the_system_is_told_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    (tmp_path / "a").write_text(TEXT)

    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "open", fail)
    with pytest.raises(UserError, match=f"a cannot be read: {os.strerror(number)}"):
        list(read_lines(tmp_path / "a"))


def test_a_link_to_nowhere_says_so(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("gone")
    (tmp_path / "b").symlink_to("b")
    for name in ("a", "b"):
        with pytest.raises(UserError, match=f"{name}: it is a link to"):
            corpus_files(TextFiles(text=name), tmp_path)


def test_a_glob_takes_each_file_once(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(TEXT)
    (tmp_path / "loop").symlink_to(tmp_path)
    assert corpus_files(TextFiles(text="**/*.txt"), tmp_path) == [tmp_path / "a.txt"]


def test_a_home_that_nobody_has() -> None:
    with pytest.raises(UserError, match="there is no such user"):
        corpus_files(TextFiles(text="a"), "~no-such-user/text")


@pytest.mark.parametrize("line", ["a\tb\tc", 'say "a\tb"\tc'])
def test_a_line_with_another_number_of_columns(tmp_path: Path, line: str) -> None:
    (tmp_path / "a.tsv").write_text(f"one\teins\n\n{line}\n")
    for corpus in (
        TabSeparated(tsv="a.tsv"),
        LabelledColumns(tsv="a.tsv", text_column=0, label_column=1),
    ):
        with pytest.raises(UserError, match=r"a\.tsv:3: 3 columns between tabs, but 2 in the"):
            list(read_rows(corpus, tmp_path))


def test_a_column_far_beyond_the_line_takes_no_memory(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("\none\teins\n")
    corpus = TabSeparated(tsv="a.tsv", target_column=2_000_000_000)
    with pytest.raises(UserError, match=r"a\.tsv:2: expected at least 2000000001 columns"):
        list(read_rows(corpus, tmp_path))


def test_several_references_stand_beside_each_line(tmp_path: Path) -> None:
    for name, text in (("a", "1\n2\n"), ("b", "x\ny\n"), ("c", "p\nq\n"), ("d", "short\n")):
        (tmp_path / name).write_text(text)
    files = ParallelFiles(source="a", target="b", references=["c"])
    assert list(read_rows(files, tmp_path)) == [("1", "x", "p"), ("2", "y", "q")]
    assert corpus_files(files, tmp_path) == [tmp_path / name for name in "abc"]
    (tmp_path / "t.tsv").write_text("1\tx\tp\n")
    columns = TabSeparated(tsv="t.tsv", reference_columns=[2])
    assert list(read_rows(columns, tmp_path)) == [("1", "x", "p")]
    with pytest.raises(UserError, match=r"a has 2 lines, but .*d has 1"):
        list(read_rows(ParallelFiles(source="a", target="b", references=["d"]), tmp_path))
    with pytest.raises(UserError, match="1 source files") as caught:
        list(read_rows(ParallelFiles(source="a", target=["b", "c"]), tmp_path))
    assert "`references: [FILE, ...]`" in caught.value.help
