"""A tree of nodes to a `Spec`, or diagnostics at the nodes that are wrong."""

from difflib import get_close_matches

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from compiler.source.diagnostic import Diagnostic, Rejected
from compiler.source.node import Mapping, Node, Path, deepest, find, to_python
from compiler.source.span import Span
from compiler.spec.spec import Spec

_MESSAGES = {
    "missing": ("missing-key", "`{key}` is missing"),
    "extra_forbidden": ("unknown-key", "unknown key `{key}`"),
    "literal_error": ("unknown-value", "expected {expected}"),
    "union_tag_invalid": ("unknown-value", "expected one of {expected_tags}"),
    "union_tag_not_found": ("missing-key", "`kind` is missing"),
}


def validate(root: Node) -> Spec:
    """The spec; raises `Rejected` with every key and value that is wrong."""
    try:
        return Spec.model_validate(to_python(root))
    except ValidationError as error:
        raise Rejected([_diagnostic(root, each) for each in error.errors()]) from None


def _diagnostic(root: Node, error: ErrorDetails) -> Diagnostic:
    path = tuple(error["loc"])
    code, template = _MESSAGES.get(error["type"], ("bad-value", "{message}"))
    key = str(path[-1]) if path else ""
    message = template.format(
        key=key,
        message=_lower(error["msg"]),
        **{"expected": "", "expected_tags": ""}
        | {name: value for name, value in error.get("ctx", {}).items() if isinstance(value, str)},
    )
    return Diagnostic(code=code, message=message, span=place(root, path), help=_help(path, code))


def place(root: Node, path: Path) -> Span:
    """Where the key of an unknown setting stands, or the value of a wrong one."""
    holder = deepest(root, path[:-1])
    key = str(path[-1]) if path else ""
    if isinstance(holder, Mapping) and key in holder.keys and find(holder, (key,)) is None:
        return holder.keys[key]
    return deepest(root, path).span


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
    return {key for section in sections for key in section.get("properties", {})}  # type: ignore[attr-defined]


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
