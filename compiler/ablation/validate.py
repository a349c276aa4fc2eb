"""The tree of an ablation's file against its language."""

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from compiler.ablation.file import AblationFile, Group, Row
from compiler.source.diagnostic import Diagnostic, Rejected, did_you_mean, mistake, quoted
from compiler.source.node import Mapping, Path, Scalar, deepest, place_of_key, to_python
from compiler.spec.base import Section
from compiler.spec.expectation import choices, expectation, given

SECTIONS: dict[int, type[Section]] = {0: AblationFile, 2: Group, 4: Row}
"""What a mapping is, by the keys and numbers above it: `groups`, A, `rows`, 3."""


def validate(root: Mapping) -> AblationFile:
    """What the file says; raises `Rejected` with every key and value that is wrong."""
    try:
        return AblationFile.model_validate(to_python(root))
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False)
        raise Rejected(_diagnostic(root, each) for each in errors) from None


def _diagnostic(root: Mapping, error: ErrorDetails) -> Diagnostic:
    path: Path = tuple(each for each in error["loc"] if each != "[key]")
    node = deepest(root, path)
    if error["type"] == "missing":
        return mistake(node.span, "missing-key", f"`{path[-1]}` is missing")
    if error["type"] == "extra_forbidden":
        return _unknown_key(root, path)
    words = choices(error)
    near = did_you_mean(str(node.value), words) if isinstance(node, Scalar) else ""
    message = f"expected {_expected(path, error)}, got {given(node)}"
    code = "unknown-value" if words else "bad-value"
    return mistake(node.span, code, message, near)


def _expected(path: Path, error: ErrorDetails) -> str:
    """Names of rows may hold more than other names, and a dictionary is a mapping here."""
    if error["type"] == "string_pattern_mismatch" and path[-3:-2] == ("rows",):
        return "small letters, digits and `. _ -`, a letter or digit first"
    return "keys and values" if error["type"] == "dict_type" else expectation(error)


def _unknown_key(root: Mapping, path: Path) -> Diagnostic:
    key, known = str(path[-1]), [*SECTIONS[len(path) - 1].model_fields]
    help = did_you_mean(key, known) or f"known here: {', '.join(known)}"
    return mistake(place_of_key(root, path), "unknown-key", f"unknown key {quoted(key)}", help)
