"""The language of an ablation's file, as pydantic classes, and its validation."""

from typing import Annotated, Any

from pydantic import Field, ValidationError
from pydantic_core import ErrorDetails

from compiler.ablation.columns import Column
from compiler.source.diagnostic import Diagnostic, Rejected, did_you_mean, mistake, quoted
from compiler.source.node import Mapping, Path, Scalar, deepest, place_of_key, to_python
from compiler.spec.base import Count, Section, Share, Whole, setting
from compiler.spec.expectation import choices, expectation, given
from compiler.spec.spec import NAME

ROW_NAME = r"^[a-z0-9][a-z0-9._-]*$"
LONGEST_NAME = 60
MOST_ROWS, MOST_SEEDS = 250, 100

Settings = dict[str, Any]
Reference = Annotated[str, Field(min_length=1)]
Values = Annotated[list[Any], Field(min_length=1)]


class NamedRow(Section):
    """A row with a name of its own: the base with other settings, or another spec."""

    name: str = setting(
        "small letters, digits and `. _ -`: a folder is called so",
        pattern=ROW_NAME,
        max_length=LONGEST_NAME,
    )
    set: Settings = setting("settings by dotted key", default={})
    spec: Reference | None = setting("a spec that takes the place of the base", default=None)
    tune: Values | None = setting(
        "values that the row chooses from, in the place of those of `tune:`", default=None
    )


class Tuning(Section):
    """A setting that each row chooses for itself, by short runs on the validation set."""

    key: Reference = setting("the setting, by dotted key")
    values: Values | None = setting(
        "what rows choose from; each row may have values of its own", default=None
    )
    by: Column = setting("the score of the validation set that decides", default="valid_loss")
    set: Settings = setting("settings of the short runs, by dotted key", default={})


class Group(Section):
    """Rows that belong together: all combinations of a grid, and rows one by one."""

    grid: dict[str, Values] = setting("values of settings, by dotted key", default={})
    rows: list[NamedRow] = setting("rows with names", default=[])


class AblationFile(Section):
    """A base, and the rows that are compared with it."""

    ablation: str = setting("its name", pattern=NAME, max_length=40)
    summary: str = setting("one line for people", default="", max_length=200)
    base: Reference = setting("a spec: a path seen from this file, or a name of the library")
    set: Settings = setting("settings of the base and all rows, by dotted key", default={})
    seeds: Annotated[list[Whole], Field(min_length=1, max_length=MOST_SEEDS)] = setting(
        "values of `training.seed`, a run of every row for each", default=[1]
    )
    tune: Tuning | None = setting(
        "a setting that each row chooses before the runs of the table", default=None
    )
    parameters_within: Share | None = setting(
        "by which share of the base's parameters those of a row may differ", default=None
    )
    lengths: Annotated[list[Count], Field(min_length=1)] | None = setting(
        "lengths of sources in words, up to which BLEU is tabulated apart", default=None
    )
    groups: Annotated[dict[str, Group], Field(min_length=1)] = setting("the rows, by group")
    columns: Annotated[list[Column], Field(min_length=1)] | None = setting(
        "of the table", default=None
    )


SECTIONS: dict[int, type[Section]] = {0: AblationFile, 1: Tuning, 2: Group, 4: NamedRow}
"""What a mapping is, by the keys and numbers above it: `groups`, A, `rows`, 3."""


def validate(root: Mapping) -> AblationFile:
    """Return what the file says; raises `Rejected` with every key and value that is wrong."""
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
