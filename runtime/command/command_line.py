"""Streams, arguments and errors of the command line, alike for all commands."""

import errno
import os
import signal
import sys
from collections import Counter
from collections.abc import Sequence
from io import TextIOWrapper
from typing import Any, cast

import typer
from typer.core import TyperCommand

from compiler.source.diagnostic import Rejected
from runtime.errors import FailedElsewhere, UserError, beyond_table
from runtime.system.atomic_files import FULL
from runtime.system.process import Ended, is_first_to_say
from runtime.training.interruption import Interruption

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


ASSIGNMENT = "KEY=VALUE"
"""The form in which help writes an option that several keys may have, each of them once."""
NAMES_OF_FILES = {"FILE", "FOLDER", "LOCAL", "MAP", "OUT", "RUN", "SPEC"}
"""The forms in which help writes options that take the name of a file, a folder or a spec."""


class Command(TyperCommand):
    """A command that refuses empty names, and an option of one value that is given twice."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Raise a UserError if an option that takes one value, or a key of a list, is repeated.

        It also does if the name of a file, a folder or a spec is empty.
        """
        given = list(args)
        rest = super().parse_args(ctx, args)
        values, _, order = self.make_parser(ctx).parse_args(args=given)
        for parameter in order:
            refuse_empty(parameter, values[parameter.name])
        options = Counter(each for each in order if each.param_type_name == "option")
        for option, times in options.items():
            if times > 1 and not option.multiple:
                raise UserError(
                    f"{max(option.opts, key=len)} is given {times} times, but takes one value",
                    help="give it once",
                )
            if option.metavar == ASSIGNMENT:
                refuse_repeated(option.opts[0], ctx.params[option.name] or ())
        return rest


def refuse_empty(parameter: Any, value: str | Sequence[str] | None) -> None:
    """Raise a UserError if the name of a file, a folder or a spec is an empty text."""
    is_argument = parameter.param_type_name == "argument"
    if is_argument or parameter.metavar in NAMES_OF_FILES:
        given = [value] if isinstance(value, str) else value or ()
        if "" in given:
            option = "" if is_argument else f"{max(parameter.opts, key=len)}: "
            raise UserError(f"{option}the name is empty", help="name a file, a folder or a spec")


def refuse_repeated(option: str, assignments: Sequence[str]) -> None:
    """Raise a UserError where two of several `key=value` have one key."""
    counts = Counter(each.partition("=")[0] for each in assignments)
    for key, times in counts.items():
        if times > 1:
            values = " and ".join(each for each in assignments if each.partition("=")[0] == key)
            raise UserError(f"{option} sets {key} {times} times: {values}", help="give it once")


def refuse_bytes(arguments: Sequence[str]) -> None:
    """Refuse an argument that is not UTF-8, whose bytes Python hands on as they are.

    Such text could be neither cut into tokens, nor written into a spec or a message.
    """
    for number, argument in enumerate(arguments, start=1):
        if any("\ud800" <= character <= "\udfff" for character in argument):
            raise UserError(
                f"argument {number} of the command is not UTF-8: {argument!a}",
                help="convert the text with iconv, or give the file another name",
            )


BAD_INPUT = 2
INTERRUPTED = 128 + signal.SIGINT
WAYS_OUT = {
    errno.ENOENT: "look at the spelling, and at the folder that the command runs in",
    errno.EISDIR: "this is a folder: name a file in it",
    errno.ENOTDIR: "a part of this path is a file, where a folder was expected",
    errno.EACCES: "ask its owner for the right, or name another",
    errno.EPERM: "ask its owner for the right, or name another",
    errno.EROFS: "nothing can be written there: name a file elsewhere",
    errno.ENAMETOOLONG: "choose a shorter name",
}
"""Help for what the system answers when a file is opened."""

# The class of all mistakes on the command line: click's, or that of typer's own copy of click.
UsageError = cast(type[typer.BadParameter], typer.BadParameter.__base__)


def exit_code(error: BaseException) -> int | None:
    """Explain an error on stderr; return None for one that needs a traceback."""
    match error:
        case BrokenPipeError():
            _close_stdout()
            return 1
        case KeyboardInterrupt() | typer.Abort():
            _tell("stopped by Ctrl-C")
            return INTERRUPTED
        case Interruption():
            _tell(f"stopped: {error}\nhelp: {error.help}")
            return error.exit_code
        case Ended():
            _tell(f"stopped by {error.received.name}")
            return 128 + error.received
        case FailedElsewhere():
            pass
        case Rejected():
            _tell(str(error))
        case UserError():
            _say(str(error), _published(error) or error.help)
        case ValueError() if found := beyond_table(error):
            _say(str(found), found.help)
        case OSError(errno=number) if number in FULL:
            _say(
                "the disk is full", "free some space and try again; nothing that was saved is lost"
            )
            _close_stdout()
        case OSError(filename=str(name)):
            _say(f"{name}: {error.strerror}", WAYS_OUT.get(error.errno or 0, ""))
        case OSError(errno=errno.EBADF):
            _say("standard output is closed", "leave `>&-` out; `> /dev/null` drops what is said")
            _close_stdout()
        case UsageError():
            _say_usage(error)
        case _:
            return None
    return BAD_INPUT


def _published(error: UserError) -> str | None:
    """Return the help for text that is missing, if it is that of a published corpus."""
    from runtime.corpora.catalogue import command_for
    from runtime.data.files import MissingText

    command = command_for(error.folder) if isinstance(error, MissingText) else None
    return command and f"`{command}` writes that folder; {error.help}"


def _say(message: str, help: str) -> None:
    _tell(f"error: {message}\nhelp: {help}" if help else f"error: {message}")


def _tell(text: str) -> None:
    """Print a text on stderr, unless another process of `torchrun` has said it."""
    if is_first_to_say(text):
        print(text, file=sys.stderr)


def _say_usage(error: typer.BadParameter) -> None:
    path = error.ctx.command_path if error.ctx else "specformer"
    message = error.format_message().replace("Value error, ", "")  # a word of pydantic's
    _say(message, f"`{path} --help` shows what there is")


def _close_stdout() -> None:
    """Whoever read it is gone, or it cannot be written: what is left in the buffer goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
