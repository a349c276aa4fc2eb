"""Files that people write, as text."""

from pathlib import Path

from compiler.source.diagnostic import Rejected, mistake
from compiler.source.span import Source, Span

LARGEST = 2**20


def read_text(path: Path) -> str:
    """The text of a spec or a map; raises `Rejected` if it is none, or cannot be read."""
    start = Span(source=Source(name=str(path), text=""), line=1, column=1)
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise Rejected([mistake(start, "large-file", "the file has more than 1 MiB")])
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"the file is not UTF-8: byte {error.start} is {error.object[error.start]:#04x}"
        raise Rejected([mistake(start, "not-utf-8", message)]) from None
    except OSError as error:
        raise Rejected([mistake(start, "unreadable", str(error.strerror))]) from None
