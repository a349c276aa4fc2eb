"""Checks the command line: arguments are text, and only list options are repeated."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from typer.core import TyperCommand

from runtime.errors import UserError

ASSIGNMENT = "KEY=VALUE"
"""How help writes an option that may be given for several keys, each of them once."""


class Command(TyperCommand):
    """A command that refuses an option which is given twice, as only one of both would count."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Raises a UserError if an option that takes one value, or a key of a list, is repeated."""
        given = list(args)
        rest = super().parse_args(ctx, args)
        _, _, order = self.make_parser(ctx).parse_args(args=given)
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


def refuse_repeated(option: str, assignments: Sequence[str]) -> None:
    """Raises a UserError where two of several `key=value` have one key."""
    counts = Counter(each.partition("=")[0] for each in assignments)
    for key, times in counts.items():
        if times > 1:
            values = " and ".join(each for each in assignments if each.partition("=")[0] == key)
            raise UserError(f"{option} sets {key} {times} times: {values}", help="give it once")


def refuse_bytes(arguments: Sequence[str]) -> None:
    """Raises a UserError for an argument that is not UTF-8; Python hands its bytes on as they are.

    Such text could be neither cut into tokens, nor written into a spec or a message.
    """
    for number, argument in enumerate(arguments, start=1):
        if any("\ud800" <= character <= "\udfff" for character in argument):
            raise UserError(
                f"argument {number} of the command is not UTF-8: {argument!a}",
                help="convert the text with iconv, or give the file another name",
            )
