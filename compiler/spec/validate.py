"""A tree of nodes to a `Spec`, or diagnostics at the nodes that are wrong."""

from collections import defaultdict
from difflib import get_close_matches
from typing import Annotated, get_args, get_origin

from pydantic import BaseModel, Discriminator, Tag, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from compiler.source.diagnostic import Diagnostic, Rejected
from compiler.source.node import Mapping, Node, Path, Scalar, Sequence, deepest, find, to_python
from compiler.spec.inherit import handed_down
from compiler.spec.spec import Spec

_EXPECTED = {
    "literal_error": "{expected}",
    "union_tag_invalid": "one of {expected_tags}",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "text",
    "list_type": "a list",
    "model_type": "keys and values",
    "model_attributes_type": "keys and values",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "finite_number": "a finite number",
    "too_short": "a list of at least {min_length}",
    "too_long": "a list of at most {max_length}",
    "string_too_short": "text",
    "string_too_long": "at most {max_length} characters",
    "string_pattern_mismatch": "small letters and digits, with hyphens between",
}


def validate(root: Node) -> Spec:
    """The spec; raises `Rejected` with every key and value that is wrong."""
    try:
        return Spec.model_validate(to_python(root))
    except ValidationError as error:
        at: defaultdict[Path, list[ErrorDetails]] = defaultdict(list)
        for each in error.errors():
            at[_real_path(each["loc"])[0]].append(each)
        raise Rejected(_diagnostic(root, path, errors) for path, errors in at.items()) from None


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
    first, key = errors[0], str(path[-1]) if path else ""
    node = find(root, path) or deepest(root, path)
    match first["type"]:
        case "missing" | "union_tag_not_found":
            name = key if first["type"] == "missing" else "kind"
            message = f"`{name}` is missing"
            return Diagnostic(code="missing-key", message=message, span=node.span)
        case "extra_forbidden":
            return _unknown_key(root, path, _real_path(first["loc"])[1])
        case "union_tag_invalid":
            node = find(node, ("kind",)) or node
    wanted = " or ".join(dict.fromkeys(_expectation(each) for each in errors))
    code = (
        "unknown-value" if first["type"] in ("literal_error", "union_tag_invalid") else "bad-value"
    )
    message = f"expected {wanted}, got {_given(node)}"
    return Diagnostic(code=code, message=message, span=node.span, help=_near(first, node))


def _unknown_key(root: Node, path: Path, section: type[BaseModel]) -> Diagnostic:
    holder, key = deepest(root, path[:-1]), str(path[-1])
    known = sorted({*section.model_fields, *handed_down(path[:-1])})
    near = get_close_matches(key, known, n=1)
    return Diagnostic(
        code="unknown-key",
        message=f"unknown key `{key}`",
        span=holder.keys[key] if isinstance(holder, Mapping) else holder.span,
        help=f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(known)}",
    )


def _expectation(error: ErrorDetails) -> str:
    template = _EXPECTED.get(error["type"])
    if template is None:
        return error["msg"].removeprefix("expected ").removeprefix("Input should be ")
    return template.format_map(error.get("ctx", {}))


def _near(error: ErrorDetails, node: Node) -> str:
    """A value of the choices that looks like the one given."""
    context = error.get("ctx", {})
    choices = str(context.get("expected", context.get("expected_tags", "")))
    words = [word.strip("'") for word in choices.replace(" or ", ", ").split(", ") if word]
    given = str(node.value) if isinstance(node, Scalar) else ""
    near = get_close_matches(given, words, n=1)
    return f"did you mean `{near[0]}`?" if near else ""


def _given(node: Node) -> str:
    """A value in a few words."""
    match node:
        case Mapping():
            return "keys and values"
        case Sequence(items=items):
            return f"a list of {len(items)}" if items else "an empty list"
        case Scalar(value=str(text)):
            return f"`{text[:40]}`"
        case Scalar(value=None):
            return "nothing"
        case Scalar(value=value):
            return f"`{str(value).lower()[:40]}`"
