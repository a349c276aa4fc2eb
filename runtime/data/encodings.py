"""Explains bytes that are not UTF-8 text: their probable format, and what to do about it."""

import shlex
from dataclasses import dataclass

from runtime.errors import UserError

BYTE_ORDER_MARKS = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
"""What a file begins with that is encoded so; the longer marks come first."""


@dataclass(frozen=True, slots=True)
class Format:
    """A form of files that hold no plain text: how they begin, and what to do with one."""

    mark: bytes
    name: str
    help: str


_RENAME = "rename it so that its name ends in `{}`, or unpack it"
FORMATS = (
    Format(b"\x1f\x8b", "packed by gzip", _RENAME.format(".gz")),
    Format(b"\xfd7zXZ\x00", "packed by xz", _RENAME.format(".xz")),
    Format(b"BZh", "packed by bzip2", _RENAME.format(".bz2")),
    Format(b"\x28\xb5\x2f\xfd", "packed by zstd", "unpack it with `zstd -d`"),
    Format(b"PK\x03\x04", "a zip archive, as .docx and .xlsx files are", "unpack it"),
    Format(b"PAR1", "a Parquet table", "write its columns as text, one row a line"),
    Format(b"%PDF", "a PDF document", "extract its text"),
)

STREAM = "standard input"
"""The name of text that is read from no file."""

MOST_ZEROS = 0.8
"""The share of zeros among bytes of UTF-32 is about three quarters; beyond this, it is no text."""

ISOLATED = 0.25
"""The share of letters beyond ASCII that a line of a Latin script has at most."""


def undecodable(
    line: bytes, error: UnicodeDecodeError, place: str, name: str, head: bytes, *, is_ascii: bool
) -> UserError:
    """The error for a line that is not UTF-8.

    `head` is how its file `name` begins; `is_ascii` says whether all lines before it are ASCII.
    """
    what = (
        f"{place}: not UTF-8: byte 0x{line[error.start]:02x} at place {error.start + 1} of the line"
    )
    if found := _format(head):
        return UserError(f"{what}; the file is {found.name}", help=found.help)
    if encoding := _marked(head) or _wide(line, head):
        return UserError(f"{what}; the file is {encoding}", help=_convert(encoding, name))
    if not is_ascii:
        return UserError(
            f"{what}, and the lines before it are",
            help="mend this line or remove it: the encoding of the file is right",
        )
    if encoding := _latin(line):
        return UserError(what, help=f"convert the file, for example: {_iconv(encoding, name)}")
    return UserError(
        what,
        help=f"find out its encoding, for example with `{applied('file', name, ' ', ' -')}`, and "
        f"convert it: {_iconv('ENCODING', name)}",
    )


def not_text(line: bytes, place: str, name: str, head: bytes) -> UserError:
    """The error for a line with a zero byte."""
    what = f"{place}: a zero byte at place {line.index(0) + 1} of the line"
    if found := _format(head):
        return UserError(f"{what}; the file is {found.name}", help=found.help)
    if encoding := _marked(head) or _wide(line, head):
        return UserError(f"{what}; the file is {encoding}", help=_convert(encoding, name))
    return UserError(
        f"{what}, which text never has",
        help="look at the text; to remove zero bytes: " + applied("tr -d '\\000'", name, " < "),
    )


def _format(head: bytes) -> Format | None:
    return next((each for each in FORMATS if head.startswith(each.mark)), None)


def _marked(head: bytes) -> str:
    return next((name for mark, name in BYTE_ORDER_MARKS if head.startswith(mark)), "")


def _wide(line: bytes, head: bytes) -> str:
    """The encoding of text whose letters take two or four bytes, most of them zero."""
    zeros = line.count(0)
    if not ISOLATED * len(line) <= zeros <= MOST_ZEROS * len(line):
        return ""
    if zeros > len(line) / 2 + 2:
        return "UTF-32" if 0 not in head else "UTF-32BE" if head[0] == 0 else "UTF-32LE"
    return "UTF-16" if 0 not in head else "UTF-16BE" if head[0] == 0 else "UTF-16LE"


def _latin(line: bytes) -> str:
    """The encoding of Western text that a line may have: some letters beyond ASCII, no controls."""
    beyond = [byte for byte in line if byte >= 0x80]
    controls = any(byte < 0x20 and byte not in b"\t\r\n" for byte in line)
    if controls or len(beyond) > ISOLATED * len(line):
        return ""
    return "WINDOWS-1252" if any(byte < 0xA0 for byte in beyond) else "LATIN1"


def _convert(encoding: str, name: str) -> str:
    return f"convert the {'text' if name == STREAM else 'file'}: {_iconv(encoding, name)}"


def _iconv(encoding: str, name: str) -> str:
    return applied(f"iconv -f {encoding} -t UTF-8", name)


def applied(command: str, name: str, sign: str = " ", of_stream: str = "") -> str:
    """A shell command with the file that it reads after `sign`, or within a pipe."""
    if name == STREAM:
        return f"... | {command}{of_stream} | specformer ..."
    return f"{command}{sign}{shlex.quote(name)}"
