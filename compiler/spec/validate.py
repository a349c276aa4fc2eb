"""A tree of nodes to a `Spec`, or diagnostics at the nodes that are wrong."""

import unicodedata
from collections import defaultdict
from dataclasses import replace
from functools import cache
from itertools import islice, takewhile
from typing import Annotated, get_args, get_origin

from pydantic import BaseModel, Discriminator, Tag, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from compiler.source.diagnostic import Diagnostic, Rejected, did_you_mean, mistake, nearest, quoted
from compiler.source.node import Node, Path, Scalar, deepest, find, place_of_key, to_python
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
        told = dict(islice(at.items(), MOST))
        misspelt = {_meant(path, errors[0]) for path, errors in told.items()} - {None}
        raise Rejected(
            _diagnostic(root, path, errors)
            for path, errors in told.items()
            if _missing(path, errors[0]) not in misspelt
        ) from None


def _meant(path: Path, error: ErrorDetails) -> str | None:
    """The key that an unknown one looks like."""
    return nearest(str(path[-1]), _known_keys(path, error)) if _is_unknown(error) else None


def _missing(path: Path, error: ErrorDetails) -> str | None:
    """The key that is missing, if that is the mistake."""
    match error["type"]:
        case "missing":
            return str(path[-1])
        case "union_tag_not_found":
            return "kind"
    return None


def _is_unknown(error: ErrorDetails) -> bool:
    return error["type"] == "extra_forbidden"


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
        if isinstance(steps[0], int):
            path.append(steps.pop(0))
        if not steps:
            break
        tag = str(steps.pop(0)) if _is_tagged(field) else next(iter(forms))
        section = forms.get(tag, section)  # not every form need be a section
        if steps and isinstance(steps[0], int):
            path.append(steps.pop(0))
    return tuple(path), section


def _is_tagged(field: FieldInfo) -> bool:
    marks = (field.discriminator, *field.metadata)
    return any(isinstance(each, str | Discriminator) for each in marks)


def members(field: FieldInfo) -> dict[str, type[BaseModel]]:
    """The sections that a field may hold, itself or in a list, by their tags."""
    found: dict[str, type[BaseModel]] = {}
    for each in get_args(field.annotation) or (field.annotation,):
        tags = [extra.tag for extra in get_args(each)[1:] if isinstance(extra, Tag)]
        section = _item(each)
        if isinstance(section, type) and issubclass(section, BaseModel):
            kind = section.model_fields.get("kind")
            tags = tags or [str(tag) for tag in get_args(kind.annotation if kind else None)]
            found |= dict.fromkeys(tags or [section.__name__], section)
    return found


def _item(annotation: object) -> object:
    """What an annotated type is of, or a list."""
    while get_origin(annotation) in (Annotated, list):
        annotation = get_args(annotation)[0]
    return annotation


def _diagnostic(root: Node, path: Path, errors: list[ErrorDetails]) -> Diagnostic:
    """What is wrong at one place: several errors are the arms of a union, none of which fits."""
    first, node = errors[0], deepest(root, path)
    if key := _missing(path, first):
        return mistake(node.span, "missing-key", f"`{key}` is missing")
    if _is_unknown(first):
        if path[-2:-1] == ("experts",) and "capacity" in str(path[-1]):
            return _capacity(root, path)
        return _unknown_key(root, path, _known_keys(path, first))
    if first["type"] == "mask":
        return _bad_mask(node, first)
    if first["type"] == "union_tag_invalid":
        node = find(node, ("kind",)) or node
    wanted = " or ".join(dict.fromkeys(expectation(each) for each in errors))
    words = [word for each in errors for word in choices(each)]
    return Diagnostic(
        code="unknown-value" if choices(first) else "bad-value",
        message=f"expected {wanted}, got {given(node)}",
        span=node.span,
        help=_near(node, words) or _quoted_number(node, first) or _kinds(path),
    )


def _bad_mask(node: Node, error: ErrorDetails) -> Diagnostic:
    """The mistake inside the text of a mask, where that stands in the file as it is."""
    span, place = node.span, error.get("ctx", {})
    text = str(node.value) if isinstance(node, Scalar) else ""
    start = span.source.line(span.line).find(text, span.column - 1)
    if start >= 0:
        span = replace(span, column=start + 1 + place["start"], width=place["width"])
    is_cut = text.count("(") > text.count(")")
    help = 'within braces a mask with a comma needs quotes: `mask: "window(left=2, right=1)"`'
    return mistake(span, "bad-mask", f"{error['msg']}", help if is_cut else "")


def _kinds(path: Path) -> str:
    """Layers are a number or a list of kinds."""
    if "layers" not in path[-2:]:
        return ""
    return (
        "what all layers have stands beside `layers: 6`; kinds of layers are a list: "
        "`[{repeat: 5, dropout: 0.1}, {dropout: 0.3}]`"
    )


def _quoted_number(node: Node, error: ErrorDetails) -> str:
    """Quotes make text of a number."""
    match node:
        case Scalar(value=str(text)) if error["type"] in ("int_type", "float_type"):
            value = plain_value(text)
            if isinstance(value, int | float) and not isinstance(value, bool):
                return "this is text: write it without quotes"
    return ""


def _known_keys(path: Path, error: ErrorDetails) -> list[str]:
    """What may stand where an unknown key stands."""
    section = _real_path(error["loc"])[1]
    return sorted({*section.model_fields, *handed_down(path[:-1])})


def _unknown_key(root: Node, path: Path, known: list[str]) -> Diagnostic:
    key = str(path[-1])
    help = _foreign_letter(key) + _known(key, path, known)
    return mistake(place_of_key(root, path), "unknown-key", f"unknown key {quoted(key)}", help)


def _capacity(root: Node, path: Path) -> Diagnostic:
    """Refused for a reason, not for its spelling."""
    return mistake(
        place_of_key(root, path),
        "expert-capacity",
        "an expert with a capacity drops tokens by what other tokens choose, later ones and those "
        "of other sentences too: a decoder would not be causal",
        "remove it: no token is dropped, and `balance_loss` keeps all experts in use",
    )


def _known(key: str, path: Path, known: list[str]) -> str:
    """The key that was meant: here, or, where none is like it, at another place."""
    if question := did_you_mean(key, known):
        return question
    if kinds := _kinds_with(path):
        return f"`{key}` is for {' or '.join(f'`kind: {each}`' for each in kinds)}"
    if key in ELSEWHERE:
        return f"what other tools call `{key}` is `{ELSEWHERE[key]}` here"
    places = [place for place in key_places(Spec) if place[-1] == key and place != path]
    if places:
        *above, _ = min(places, key=lambda place: (-_common(place, path), len(place)))
        return f"`{key}` belongs " + (f"below `{'.'.join(above)}`" if above else "to the top level")
    return f"known here: {', '.join(known)}"


def _kinds_with(path: Path) -> list[str]:
    """The kinds of a section that have the last key of the path."""
    forms: dict[str, type[BaseModel]] = {"": Spec}
    for step in path[:-1]:
        fields = [section.model_fields.get(str(step)) for section in forms.values()]
        forms = {tag: each for field in fields if field for tag, each in members(field).items()}
    wanted = {"kind", str(path[-1])}
    return [tag for tag, section in forms.items() if wanted <= section.model_fields.keys()]


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
    return tuple(dict.fromkeys(_as_written(path) for path in found))


def _as_written(path: tuple[str, ...]) -> tuple[str, ...]:
    """What a stack's layers have is mostly written beside `layers`."""
    stack, *below = path
    is_handed_down = below[:1] == ["layers"] and below[1:2] not in ([], ["repeat"])
    return (stack, *below[1:]) if is_handed_down else path


def _foreign_letter(key: str) -> str:
    """Names the first letter that looks like another, as a Cyrillic one does."""
    odd = next((letter for letter in key if not letter.isascii()), None)
    if odd is None:
        return ""
    return f"`{odd}` is U+{ord(odd):04X}, {unicodedata.name(odd, 'without a name').lower()}; "


def _near(node: Node, words: list[str]) -> str:
    """A value of the choices that looks like the one given."""
    return did_you_mean(str(node.value) if isinstance(node, Scalar) else "", words)
