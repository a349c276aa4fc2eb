"""Standard input, output and errors of a command: text in UTF-8, whatever the system says."""

import os
import sys
from io import TextIOWrapper

NAMES = ("stdin", "stdout", "stderr")


def prepare_streams() -> None:
    """Sets the streams up before a command starts.

    For a stream that the caller closed, Python's `sys.stdin` and the like are None, and the next
    file that is opened gets its descriptor. Here the descriptor is occupied: reading and writing
    fail with EBADF, and messages to standard error get lost. Text is written as UTF-8 in any
    locale.
    """
    for number, name in enumerate(NAMES):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, _closed(number))
        elif number and isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def _closed(number: int) -> TextIOWrapper:
    """A stream that occupies this descriptor, on which reading and writing fail."""
    usable = os.O_RDONLY if number == 1 else os.O_WRONLY
    opened = os.open(os.devnull, usable)
    if opened != number:
        os.dup2(opened, number)
        os.close(opened)
    return open(number, "w" if number else "r", encoding="utf-8", closefd=False)
