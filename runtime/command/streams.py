"""Standard input, output and errors of a command: text in UTF-8, whatever the system says."""

import os
import sys
from io import TextIOWrapper

NAMES = ("stdin", "stdout", "stderr")


def prepare_streams() -> None:
    """Sets the streams up before a command starts.

    What Python makes of a stream that was closed by the caller is None, its number is free for the
    next file that is opened, and messages to a closed standard error would go to standard output.
    Here the number is taken, reading and writing fail with EBADF, and messages get lost.
    Text that the locale could not write is written as UTF-8, as texts are read.
    """
    for number, name in enumerate(NAMES):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, _closed(number))
        elif number and isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def _closed(number: int) -> TextIOWrapper:
    """A stream of this number, which can be used for messages alone."""
    usable = os.O_RDONLY if number == 1 else os.O_WRONLY
    opened = os.open(os.devnull, usable)
    if opened != number:
        os.dup2(opened, number)
        os.close(opened)
    return open(number, "w" if number else "r", encoding="utf-8", closefd=False)
