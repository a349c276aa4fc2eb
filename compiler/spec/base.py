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
    description: str, *, unit: str = "", examples: list[Any] | None = None, **options: Any
) -> Any:
    """A field of a section; `options` are pydantic's. Without a `default` it must be written.

    Description, unit and examples go into the JSON Schema and the reference, `docs/spec.md`.
    """
    extra: dict[str, Any] | None = {"unit": unit} if unit else None
    return Field(description=description, examples=examples, json_schema_extra=extra, **options)


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
