"""Lines of text from files, plain or compressed (`.gz`, `.xz`, `.bz2`), and from streams.

Only `\\n` ends a line. (`str.splitlines` would also break at U+2028 and its like, and from there on
every row would be wrong.)
"""

import bz2
import codecs
import gzip
import hashlib
import lzma
import os
import stat
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from io import BufferedReader, FileIO, RawIOBase
from pathlib import Path
from typing import IO

from runtime.data.encodings import applied, not_text, undecodable
from runtime.errors import UserError

LONGEST_LINE = 2**28
"""Bytes of a line; a device such as /dev/zero has no end of a line, and none of its own."""

AT_ONCE = 2**17
"""Bytes that are read from a file at a time."""

OTHER_PACKING = {
    ".zst": "zstd -d",
    ".lz4": "lz4 -d",
    ".lzma": "unlzma",
    ".z": "uncompress",
    ".zip": "unzip",
    ".7z": "7z x",
    ".rar": "unrar x",
    ".tar": "tar -xf",
    ".tgz": "tar -xzf",
}
"""The commands that unpack what is not unpacked here, by the end of the file's name."""

_Stream = lzma.LZMADecompressor | bz2.BZ2Decompressor

_expected: ContextVar[Mapping[Path, str] | None] = ContextVar("expected", default=None)


@contextmanager
def expecting(digests: Mapping[Path, str]) -> Iterator[None]:
    """Within this context each file must have the SHA-256 of `digests` whenever it is read.

    The digest is computed from the bytes whose lines are returned, so that a file that changes
    between two readings, or during one, ends in a UserError.
    """
    token = _expected.set(digests)
    try:
        yield
    finally:
        _expected.reset(token)


def read_lines(path: Path, *, is_fixed: bool = True, keeps_ends: bool = False) -> Iterator[str]:
    """The lines of a text file; a byte order mark is removed, and so are their ends by default.

    If a file grows meanwhile, only the bytes that were there at the beginning are read. Raises a
    UserError if there is no text, and, where the file `is_fixed`, if it has changed at the end.
    """
    with _explained(path), path.open("rb", buffering=0) as raw:
        watched = _Watched(raw, path) if _is_regular(raw) else None
        packed: IO[bytes] = BufferedReader(watched or raw, AT_ONCE)  # `raw` keeps it open
        lines = decoded_lines(_unpacked(packed, path), str(path), keeps_ends=keeps_ends)
        first = next(lines, None)
        if first is None:
            raise UserError(f"{path} is empty", help="give a file with at least one line of text")
        yield first
        yield from lines
        if watched and is_fixed:
            watched.finish()


def decoded_lines(
    stream: IO[bytes], name: str, before_number: str = ":", *, keeps_ends: bool = False
) -> Iterator[str]:
    """The lines of UTF-8 text without a byte order mark, and by default without their ends.

    `name` and the number of a line make its place in messages. Raises a UserError for a line that
    is not text, or that does not end.
    """
    head, is_ascii = b"", True
    for number, line in enumerate(iter(partial(stream.readline, LONGEST_LINE), b""), start=1):
        place = f"{name}{before_number}{number}"
        if number == 1:
            head = line[:64]
            line = line.removeprefix(codecs.BOM_UTF8)
        if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
            raise UserError(
                f"{place}: no line ends within {LONGEST_LINE:,} bytes", help="give text in lines"
            )
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError as error:
            raise undecodable(line, error, place, name, head, is_ascii=is_ascii) from error
        if "\0" in text:
            raise not_text(line, place, name, head)
        if number == 1 and "\n" not in text and "\r" in text.rstrip("\r"):
            raise UserError(
                f"{name} ends its lines with a carriage return alone",
                help="convert it, for example: " + applied("tr '\\r' '\\n'", name, " < "),
            )
        is_ascii = is_ascii and text.isascii()
        yield text if keeps_ends else text.removesuffix("\n").removesuffix("\r")


def file_digest(path: Path) -> str:
    """The SHA-256 of a file. Raises a UserError if it is no regular file or changes meanwhile."""
    with _explained(path):
        require_regular(path)
        with path.open("rb", buffering=0) as raw:
            watched = _Watched(raw, path)
            watched.finish()
            return watched.digest.hexdigest()


def read_bytes(path: Path) -> bytes:
    """The content of a file, as a whole. Raises a UserError as `file_digest` does."""
    with _explained(path):
        require_regular(path)
        with path.open("rb", buffering=0) as raw:
            watched = _Watched(raw, path)
            content = BufferedReader(watched, AT_ONCE).read()
            watched.finish()
            return content


def require_regular(path: Path) -> None:
    """Refuse a pipe or a device, which cannot be read twice, or never ends."""
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        kind = (
            "a pipe" if stat.S_ISFIFO(mode) else "a socket" if stat.S_ISSOCK(mode) else "a device"
        )
        raise UserError(
            f"{path} is {kind}, and text to learn from or to score is read more than once",
            help="write the text into a file, and name that",
        )


class _Watched(RawIOBase):
    """The bytes that a file has when it is opened, and their digest."""

    def __init__(self, file: FileIO, path: Path) -> None:
        self._file, self._path = file, path
        self._left = os.fstat(file.fileno()).st_size
        self.digest = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        count = self._file.readinto(memoryview(buffer)[: self._left]) or 0
        self._left -= count
        self.digest.update(memoryview(buffer)[:count])
        return count

    def finish(self) -> None:
        """Reads what is left. Raises a UserError if the file is not what it was, or should be."""
        chunk = bytearray(AT_ONCE)
        while self.readinto(memoryview(chunk)):
            pass
        expected = (_expected.get() or {}).get(self._path)
        is_other = expected is not None and self.digest.hexdigest() != expected
        if is_other or self._left or self._file.read(1):
            raise UserError(
                f"{self._path} has changed while it was read",
                help="wait until it is written whole, then try again",
            )


def _is_regular(file: FileIO) -> bool:
    return stat.S_ISREG(os.fstat(file.fileno()).st_mode)


def _gunzip(file: IO[bytes]) -> IO[bytes]:
    return BufferedReader(gzip.GzipFile(fileobj=file), AT_ONCE)


class _Streams(RawIOBase):
    """A file packed in one or several streams, where nothing else may follow but zeros.

    `lzma.LZMAFile` and `bz2.BZ2File` take whatever follows for the end.
    """

    def __init__(self, file: IO[bytes], new: Callable[[], _Stream]) -> None:
        self._file, self._new, self._stream = file, new, new()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        unpacked = b""
        while not unpacked:
            packed = b""
            if self._stream.eof:
                packed = self._begin_another()
                if not packed:
                    return 0
            elif self._stream.needs_input and not (packed := self._file.read(AT_ONCE)):
                raise EOFError("it ends within a stream")
            unpacked = self._stream.decompress(packed, len(buffer))
        buffer[: len(unpacked)] = unpacked
        return len(unpacked)

    def _begin_another(self) -> bytes:
        """The first bytes of the next stream, without the zeros before it; none at the end."""
        packed = self._stream.unused_data or self._file.read(AT_ONCE)
        while packed and not (rest := packed.lstrip(b"\0")):
            packed = self._file.read(AT_ONCE)
        if not packed:
            return b""
        self._stream = self._new()
        return rest


def _unpack(new: Callable[[], _Stream]) -> Callable[[IO[bytes]], IO[bytes]]:
    return lambda file: BufferedReader(_Streams(file, new), AT_ONCE)


_PACKINGS: dict[str, Callable[[IO[bytes]], IO[bytes]]] = {
    ".gz": _gunzip,
    ".xz": _unpack(lzma.LZMADecompressor),
    ".bz2": _unpack(bz2.BZ2Decompressor),
}


def _unpacked(file: IO[bytes], path: Path) -> IO[bytes]:
    """The decompressed bytes of a file, by its suffix."""
    suffix = path.suffix.lower()
    if suffix in OTHER_PACKING:
        raise UserError(
            f"{path} is compressed in a format that is not read here: `{path.suffix}`",
            help=f"unpack it: `{OTHER_PACKING[suffix]} {path.name}`; .gz, .xz and .bz2 are read",
        )
    return _PACKINGS[suffix](file) if suffix in _PACKINGS else file


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turns what can go wrong with a file into a message for people."""
    try:
        yield
    except FileNotFoundError as error:
        raise UserError(f"there is no file {path}", help="check its name and its folder") from error
    except IsADirectoryError as error:
        raise UserError(
            f"{path} cannot be read: {error.strerror}", help="name a text file in it"
        ) from error
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise UserError(f"{path} cannot be read: {error.strerror}") from error
        kind = {".xz": "xz", ".bz2": "bzip2"}.get(path.suffix.lower(), "gzip")
        raise UserError(
            f"{path} is not a complete {kind} file: {error}",
            help=f"fetch it again, or drop `{path.suffix}` from its name if it is plain text",
        ) from error
