"""A tree of nodes to a `Spec`, or diagnostics at the nodes that are wrong."""

import unicodedata
from collections import defaultdict
from difflib import get_close_matches
from functools import cache
from itertools import takewhile
from typing import Annotated, get_args, get_origin

from pydantic import BaseModel, Discriminator, Tag, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from compiler.source.diagnostic import Diagnostic, Rejected, quoted
from compiler.source.node import Mapping, Node, Path, Scalar, deepest, find, to_python
from compiler.source.read import plain_value
from compiler.spec.expectation import choices, expectation, given
from compiler.spec.inherit import handed_down
from compiler.spec.spec import Spec
from compiler.spec.synonyms import ELSEWHERE

MOST = 100
"""Mistakes of one file that are told at once: the others come when these are mended."""


def validate(root: Node) -> Spec:
    """The spec; raises `Rejected` with every key and value that is wrong."""
    try:
        return Spec.model_validate(to_python(root))
    except ValidationError as error:
        at = _by_place(error.errors(include_url=False, include_input=False))
        found = [_diagnostic(root, path, errors) for path, errors in list(at.items())[:MOST]]
        raise Rejected(_causes(found)) from None


def _causes(found: list[Diagnostic]) -> list[Diagnostic]:
    """Without the missing keys that are there, but misspelt."""
    meant = {each.help for each in found if each.code == "unknown-key"}
    return [
        each
        for each in found
        if each.code != "missing-key"
        or not any(help.endswith(f"did you mean {each.message.split()[0]}?") for help in meant)
    ]


def _by_place(errors: list[ErrorDetails]) -> dict[Path, list[ErrorDetails]]:
    """The errors of each place. Where one arm of a union got deeper, the author meant that arm."""
    at: defaultdict[Path, list[ErrorDetails]] = defaultdict(list)
    for each in errors:
        at[_real_path(each["loc"])[0]].append(each)
    above = {path[:length] for path in at for length in range(len(path))}
    return {path: found for path, found in at.items() if path not in above}


def _real_path(location: Path) -> tuple[Path, type[BaseModel]]:
    """The keys of a location without the tags of unions; and the section that holds the last."""
    section: type[BaseModel] = Spec
    path: list[str | int] = []
    steps = list(location)
    while steps:
        path.append(steps.pop(0))
        field = section.model_fields.get(str(path[-1]))
        if field is None or not steps:
            break
        forms = members(field)
        if not forms:
            path += [step for step in steps if isinstance(step, int)]
            break
        tag = str(steps.pop(0)) if _is_tagged(field) else next(iter(forms))
        section = forms[tag]
    return tuple(path), section


def _is_tagged(field: FieldInfo) -> bool:
    marks = (field.discriminator, *field.metadata)
    return any(isinstance(each, str | Discriminator) for each in marks)


def members(field: FieldInfo) -> dict[str, type[BaseModel]]:
    """The sections that a field may hold, by their tags."""
    found: dict[str, type[BaseModel]] = {}
    for each in get_args(field.annotation) or (field.annotation,):
        tags = [extra.tag for extra in get_args(each)[1:] if isinstance(extra, Tag)]
        section = get_args(each)[0] if get_origin(each) is Annotated else each
        if isinstance(section, type) and issubclass(section, BaseModel):
            kind = section.model_fields.get("kind")
            tags = tags or [str(tag) for tag in get_args(kind.annotation if kind else None)]
            found |= dict.fromkeys(tags or [section.__name__], section)
    return found


def _diagnostic(root: Node, path: Path, errors: list[ErrorDetails]) -> Diagnostic:
    """What is wrong at one place: several errors are the arms of a union, none of which fits."""
    first, node = errors[0], deepest(root, path)
    match first["type"]:
        case "missing":
            return _missing_key(str(path[-1]), node)
        case "union_tag_not_found":
            return _missing_key("kind", node)
        case "extra_forbidden":
            return _unknown_key(root, path, _real_path(first["loc"])[1])
        case "union_tag_invalid":
            node = find(node, ("kind",)) or node
    wanted = " or ".join(dict.fromkeys(expectation(each) for each in errors))
    words = [word for each in errors for word in choices(each)]
    return Diagnostic(
        code="unknown-value" if choices(first) else "bad-value",
        message=f"expected {wanted}, got {given(node)}",
        span=node.span,
        help=_near(node, words) or _quoted_number(node, first),
    )


def _quoted_number(node: Node, error: ErrorDetails) -> str:
    """Quotes, or the form of a number that YAML does not know, make text of it."""
    is_text = isinstance(node, Scalar) and isinstance(node.value, str)
    if not is_text or error["type"] not in ("int_type", "float_type"):
        return ""
    value = plain_value(str(node.value)) if isinstance(node, Scalar) else None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return "this is text: write it without quotes" if is_number else ""


def _missing_key(key: str, node: Node) -> Diagnostic:
    return Diagnostic(code="missing-key", message=f"`{key}` is missing", span=node.span)


def _unknown_key(root: Node, path: Path, section: type[BaseModel]) -> Diagnostic:
    holder, key = deepest(root, path[:-1]), str(path[-1])
    known = sorted({*section.model_fields, *handed_down(path[:-1])})
    return Diagnostic(
        code="unknown-key",
        message=f"unknown key {quoted(key)}",
        span=holder.keys[key] if isinstance(holder, Mapping) else holder.span,
        help=_foreign_letter(key) + _known(key, path, known),
    )


def _known(key: str, path: Path, known: list[str]) -> str:
    """The key that was meant: here, or, where none is like it, at another place."""
    if near := get_close_matches(key, known, n=1):
        return f"did you mean `{near[0]}`?"
    if key in ELSEWHERE:
        return f"what other tools call `{key}` is `{ELSEWHERE[key]}` here"
    places = [place for place in key_places(Spec) if place[-1] == key and place != path]
    if places:
        *above, _ = min(places, key=lambda place: (-_common(place, path), len(place)))
        return f"`{key}` belongs " + (f"below `{'.'.join(above)}`" if above else "to the top level")
    return f"known here: {', '.join(known)}"


def _common(one: tuple[str, ...], other: Path) -> int:
    """How many keys two paths begin with together."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


@cache
def key_places(section: type[BaseModel]) -> tuple[tuple[str, ...], ...]:
    """The paths of all keys that a section and those below it may hold."""
    found: list[tuple[str, ...]] = []
    for name, field in section.model_fields.items():
        found.append((name,))
        for member in dict.fromkeys(members(field).values()):
            found += [(name, *below) for below in key_places(member)]
    return tuple(dict.fromkeys(found))


def _foreign_letter(key: str) -> str:
    """Names the first letter that looks like another, as a Cyrillic one does."""
    odd = next((letter for letter in key if not letter.isascii()), None)
    if odd is None:
        return ""
    return f"`{odd}` is U+{ord(odd):04X}, {unicodedata.name(odd, 'without a name').lower()}; "


def _near(node: Node, words: list[str]) -> str:
    """A value of the choices that looks like the one given."""
    text = str(node.value) if isinstance(node, Scalar) else ""
    near = get_close_matches(text, words, n=1)
    return f"did you mean `{near[0]}`?" if near else ""
