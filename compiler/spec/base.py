"""The base class of every section of a spec, and the types that settings share."""

from typing import Annotated, Any, ClassVar, NamedTuple, Self, Union

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

from compiler.mask.parse import MaskError, parse
from compiler.source.limits import LAYERS


class Unused(NamedTuple):
    """A value of one setting that leaves others without effect."""

    key: str
    value: object
    others: tuple[str, ...]
    why: str


class Section(BaseModel):
    """A mapping of the spec: unknown keys are refused, types not coerced, values fixed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)

    unused_if: ClassVar[tuple[Unused, ...]] = ()

    def without_unused(self) -> Self:
        """Returns the section with settings that have no effect at their defaults."""
        found = (each for each in self.unused_if if getattr(self, each.key) == each.value)
        keys = {key for each in found for key in each.others}
        fields = type(self).model_fields
        return self.model_copy(update={key: fields[key].default for key in keys})


def setting(
    description: str,
    *,
    unit: str = "",
    since: str = "",
    examples: list[Any] | None = None,
    **options: Any,
) -> Any:
    """A field of a section; `options` are pydantic's. Without a `default` it must be written.

    Description, unit and examples go into the JSON Schema and the reference, `docs/spec.md`. A
    setting of `model` that came later says `since` which version it is there: its default, which
    means what versions before did, does not count where a checkpoint is told to belong to a spec.
    """
    extra: dict[str, Any] | None = {
        key: value for key, value in {"unit": unit, "since": since}.items() if value
    } or None
    return Field(description=description, examples=examples, json_schema_extra=extra, **options)


def unknown_before(section: BaseModel) -> dict[Any, Any]:
    """Return the settings that former versions lack and that have their defaults, for `exclude`.

    Sections within sections, and lists of these, are searched likewise.
    """
    found: dict[Any, Any] = {}
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        extra = field.json_schema_extra
        if isinstance(extra, dict) and "since" in extra and value == field.get_default():
            found[name] = True
        elif inner := _inner(value):
            found[name] = inner
    return found


def _inner(value: object) -> dict[Any, Any]:
    match value:
        case BaseModel():
            return unknown_before(value)
        case list() | tuple():
            parts = {number: _inner(each) for number, each in enumerate(value)}
            return {number: part for number, part in parts.items() if part}
        case _:
            return {}


def kind_or(default: str) -> Discriminator:
    """Tells the members of a union by their `kind`; where that is not written, it is `default`."""

    def kind(value: object) -> str:
        if isinstance(value, dict):
            return str(value.get("kind", default))
        return str(getattr(value, "kind", default))

    return Discriminator(kind)


def union_of(kinds: dict[str, Any], usual: str) -> Any:
    """Returns the union of sections that are told apart by their `kind`."""
    members = tuple(Annotated[section, Tag(kind)] for kind, section in kinds.items())
    return Annotated[Union[members], kind_or(usual)]  # noqa: UP007


def _normal(text: str) -> str:
    """The text of a mask's normal form."""
    try:
        return parse(text).text
    except MaskError as error:
        place = {"start": error.start, "width": error.width}
        raise PydanticCustomError("mask", "{message}", {"message": str(error), **place}) from None


MaskText = Annotated[str, AfterValidator(_normal)]
Width = Annotated[int, Field(ge=1, le=2**20)]
Heads = Annotated[int, Field(ge=1, le=2**12)]
Layers = Annotated[int, Field(ge=1, le=LAYERS)]
MOST_HYPOTHESES = 1000
MOST_TOKENS = 100_000
"""Tokens of one text that is decoded: more would take hours, and all memory."""
Hypotheses = Annotated[int, Field(ge=1, le=MOST_HYPOTHESES)]
Length = Annotated[int, Field(ge=0, le=MOST_TOKENS)]
Count = Annotated[int, Field(ge=1, le=2**31 - 1)]
Whole = Annotated[int, Field(ge=0, le=2**31 - 1)]
Share = Annotated[float, Field(gt=0.0, le=1.0)]
Portion = Annotated[float, Field(ge=0.0, le=1.0)]
Rate = Annotated[float, Field(ge=0.0, lt=1.0)]
Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
