"""A tree of nodes to a `Spec`, or diagnostics at the nodes that are wrong."""

from collections import defaultdict
from difflib import get_close_matches
from typing import Annotated, get_args, get_origin

from pydantic import BaseModel, Discriminator, Tag, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from compiler.source.diagnostic import Diagnostic, Rejected, quoted
from compiler.source.node import Mapping, Node, Path, Scalar, deepest, find, to_python
from compiler.spec.expectation import choices, expectation, given
from compiler.spec.inherit import handed_down
from compiler.spec.spec import Spec


def validate(root: Node) -> Spec:
    """The spec; raises `Rejected` with every key and value that is wrong."""
    try:
        return Spec.model_validate(to_python(root))
    except ValidationError as error:
        at = _by_place(error.errors(include_url=False, include_input=False))
        raise Rejected(_diagnostic(root, path, errors) for path, errors in at.items()) from None


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
        members = _members(field)
        if not members:
            path += [step for step in steps if isinstance(step, int)]
            break
        tag = str(steps.pop(0)) if _is_tagged(field) else next(iter(members))
        section = members[tag]
    return tuple(path), section


def _is_tagged(field: FieldInfo) -> bool:
    marks = (field.discriminator, *field.metadata)
    return any(isinstance(each, str | Discriminator) for each in marks)


def _members(field: FieldInfo) -> dict[str, type[BaseModel]]:
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
        help=_near(node, words),
    )


def _missing_key(key: str, node: Node) -> Diagnostic:
    return Diagnostic(code="missing-key", message=f"`{key}` is missing", span=node.span)


def _unknown_key(root: Node, path: Path, section: type[BaseModel]) -> Diagnostic:
    holder, key = deepest(root, path[:-1]), str(path[-1])
    known = sorted({*section.model_fields, *handed_down(path[:-1])})
    near = get_close_matches(key, known, n=1)
    return Diagnostic(
        code="unknown-key",
        message=f"unknown key {quoted(key)}",
        span=holder.keys[key] if isinstance(holder, Mapping) else holder.span,
        help=f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(known)}",
    )


def _near(node: Node, words: list[str]) -> str:
    """A value of the choices that looks like the one given."""
    text = str(node.value) if isinstance(node, Scalar) else ""
    near = get_close_matches(text, words, n=1)
    return f"did you mean `{near[0]}`?" if near else ""
