"""Files that people write, as text."""

from pathlib import Path

from compiler.durable import is_special
from compiler.source.diagnostic import Rejected, mistake
from compiler.source.span import Source, Span

LARGEST = 2**20


def read_text(path: Path) -> str:
    """The text of a spec or a map; raises `Rejected` if it is none, or cannot be read."""
    if is_special(path):
        raise Rejected([mistake(_start(str(path)), "unreadable", "it is no regular file")])
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise Rejected([mistake(_start(str(path)), "unreadable", str(error.strerror))]) from None
    return decoded(content, str(path))


def decoded(content: bytes, name: str) -> str:
    """The text of the file of that name; raises `Rejected` if it is none, or too long."""
    if len(content) > LARGEST:
        raise Rejected([mistake(_start(name), "large-file", "the file has more than 1 MiB")])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"the file is not UTF-8: byte {error.start} is {error.object[error.start]:#04x}"
        raise Rejected([mistake(_start(name), "not-utf-8", message)]) from None


def _start(name: str) -> Span:
    return Span(source=Source(name=name, text=""), line=1, column=1)
