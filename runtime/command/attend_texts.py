"""The texts of `specformer attend`, each with its target and with the place that errors name."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from compiler.source.counting import counted
from runtime.command.lines import read_input
from runtime.errors import UserError


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A text, its target where one is given, and the option or line that gave it."""

    text: str
    target: str | None
    place: str


def read_texts(
    text: list[str] | None,
    input: Path | None,
    target: list[str] | None,
    translate: bool,
    *,
    are_needed: bool,
) -> list[Text]:
    """Return the texts. Raises a UserError where they and their targets do not fit together."""
    if text is not None and input is not None:
        raise UserError(
            "texts are given by --text, and a file of texts by --input",
            help="leave one of them out",
        )
    if target and translate:
        raise UserError("--target gives what --translate makes", help="give one of them")
    if text is None and input is None:
        if target or translate:
            raise UserError(
                "a target belongs to a text, and none is given", help="give one by --text"
            )
        if are_needed:
            raise UserError("there is no text to read", help="give texts by --text or --input FILE")
        return []
    found = _placed(text) if text is not None else _lines(input)
    return _with_targets(found, target)


def _placed(text: Sequence[str], option: str = "--text") -> list[tuple[str, str]]:
    """Return the values of an option and their places: the option, and which one of several."""
    several = len(text) > 1
    placed = [(each, f"{option} {n}" if several else option) for n, each in enumerate(text, 1)]
    return _refuse_blank(placed)


def _lines(input: Path | None) -> list[tuple[str, str]]:
    lines = [(line, f"{input}, line {n}") for n, line in enumerate(read_input(input), 1)]
    if not lines:
        raise UserError(f"{input} has no line", help="give a file with a text")
    return _refuse_blank(lines)


def _refuse_blank(placed: list[tuple[str, str]]) -> list[tuple[str, str]]:
    for each, place in placed:
        if not each.strip():
            raise UserError(f"{place}: the text is empty", help="give one with words")
    return placed


def _with_targets(found: list[tuple[str, str]], target: list[str] | None) -> list[Text]:
    if target and len(target) != len(found):
        raise UserError(
            "each text needs its target: there "
            f"{'is' if len(found) == 1 else 'are'} {counted(len(found), 'text')} and "
            f"{counted(len(target), 'target')}",
            help="give --target as often as --text",
        )
    targets = [each for each, _ in _placed(target, "--target")] if target else [None] * len(found)
    return [
        Text(text=text, target=own, place=place)
        for (text, place), own in zip(found, targets, strict=True)
    ]
