"""How a command ends that could not do what was asked: the message and the exit code."""

import errno
import os
import signal
import sys
from typing import cast

import typer

from compiler.source.diagnostic import Rejected
from runtime.durable import FULL
from runtime.errors import UserError, beyond_table
from runtime.training.interruption import Interruption

BAD_INPUT = 2
INTERRUPTED = 128 + signal.SIGINT

# The class of all mistakes on the command line: click's, or that of typer's own copy of click.
UsageError = cast(type[typer.BadParameter], typer.BadParameter.__base__)


def exit_code(error: BaseException) -> int | None:
    """Says on stderr what happened; None for what is not a user's to mend and needs a traceback."""
    match error:
        case BrokenPipeError():
            _close_stdout()
            return 1
        case KeyboardInterrupt() | typer.Abort():
            print("stopped by Ctrl-C", file=sys.stderr)
            return INTERRUPTED
        case Interruption():
            print(f"stopped: {error}\nhelp: {error.help}", file=sys.stderr)
            return error.exit_code
        case Rejected():
            print(error, file=sys.stderr)
        case UserError():
            _say(str(error), error.help)
        case ValueError() if found := beyond_table(error):
            _say(str(found), found.help)
        case OSError(errno=number) if number in FULL:
            _say(
                "the disk is full", "free some space and try again; nothing that was saved is lost"
            )
            _close_stdout()
        case OSError(filename=str(name)):
            _say(f"{name}: {error.strerror}", "")
        case OSError(errno=errno.EBADF):
            _say("standard output is closed", "leave `>&-` out; `> /dev/null` drops what is said")
            _close_stdout()
        case UsageError():
            _say_usage(error)
        case _:
            return None
    return BAD_INPUT


def _say(message: str, help: str) -> None:
    print(f"error: {message}", file=sys.stderr)
    if help:
        print(f"help: {help}", file=sys.stderr)


def _say_usage(error: typer.BadParameter) -> None:
    path = error.ctx.command_path if error.ctx else "specformer"
    message = error.format_message().replace("Value error, ", "")  # a word of pydantic's
    _say(message, f"`{path} --help` shows what there is")


def _close_stdout() -> None:
    """Whoever read it is gone, or it cannot be written: what is left in the buffer goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
