"""A tree of nodes to a `Spec`, or diagnostics at the nodes that are wrong."""

from difflib import get_close_matches

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from compiler.source.diagnostic import Diagnostic, Rejected
from compiler.source.node import Mapping, Node, Path, Scalar, Sequence, deepest, find, to_python
from compiler.source.span import Span
from compiler.spec.inherit import handed_down
from compiler.spec.spec import Spec

_MESSAGES = {
    "missing": ("missing-key", "`{key}` is missing"),
    "extra_forbidden": ("unknown-key", "unknown key `{key}`"),
    "literal_error": ("unknown-value", "expected {expected}, got {given}"),
    "union_tag_invalid": ("unknown-value", "expected one of {expected_tags}, got {given}"),
    "union_tag_not_found": ("missing-key", "`kind` is missing"),
    "int_type": ("bad-value", "expected a whole number, got {given}"),
    "float_type": ("bad-value", "expected a number, got {given}"),
    "bool_type": ("bad-value", "expected true or false, got {given}"),
    "string_type": ("bad-value", "expected text, got {given}"),
    "list_type": ("bad-value", "expected a list, got {given}"),
    "model_type": ("bad-value", "expected keys and values, got {given}"),
}


def validate(root: Node) -> Spec:
    """The spec; raises `Rejected` with every key and value that is wrong."""
    try:
        return Spec.model_validate(to_python(root))
    except ValidationError as error:
        raise Rejected([_diagnostic(root, each) for each in error.errors()]) from None


def _diagnostic(root: Node, error: ErrorDetails) -> Diagnostic:
    path = tuple(error["loc"])
    code, template = _MESSAGES.get(error["type"], ("bad-value", "{message}, got {given}"))
    words = {
        "expected": "",
        "expected_tags": "",
        **error.get("ctx", {}),
        "key": str(path[-1]) if path else "",
        "message": _lower(error["msg"]),
        "given": _given(find(root, path) or deepest(root, path)),
    }
    span = _key_span(root, path) if code == "unknown-key" else deepest(root, path).span
    message = template.format_map(words)
    return Diagnostic(code=code, message=message, span=span, help=_help(path, code))


def _key_span(root: Node, path: Path) -> Span:
    holder = deepest(root, path[:-1])
    assert isinstance(holder, Mapping)
    return holder.keys[str(path[-1])]


def _given(node: Node) -> str:
    """A value in a few words."""
    match node:
        case Mapping():
            return "keys and values"
        case Sequence():
            return "a list"
        case Scalar(value=str(text)):
            return f"`{text[:40]}`"
        case Scalar(value=None):
            return "nothing"
        case Scalar(value=value):
            return f"`{str(value).lower()}`"


def _help(path: Path, code: str) -> str:
    if code != "unknown-key":
        return ""
    known = sorted(_known_keys(path[:-1]))
    near = get_close_matches(str(path[-1]), known, n=1)
    return f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(known)}"


def _known_keys(path: Path) -> set[str]:
    """The keys of the section at `path`, unions included."""
    sections: list[object] = [Spec.model_json_schema()]
    definitions = Spec.model_json_schema()["$defs"]
    for step in path:
        sections = [
            below
            for section in sections
            for below in _expand(section["properties"].get(str(step), {}), definitions)  # type: ignore[index]
        ] or sections
    known = {key for section in sections for key in section.get("properties", {})}  # type: ignore[attr-defined]
    return known | handed_down(path)


def _expand(schema: dict[str, object], definitions: dict[str, object]) -> list[object]:
    """A schema without references: each alternative with its properties."""
    alternatives = [schema, *schema.get("anyOf", []), *schema.get("oneOf", [])]  # type: ignore[misc]
    found = [
        definitions[each["$ref"].rsplit("/", 1)[-1]] if "$ref" in each else each
        for each in alternatives
    ]
    return [each for each in found if "properties" in each]  # type: ignore[operator]


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]
