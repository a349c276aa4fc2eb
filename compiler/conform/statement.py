"""A statement of the paper about a setting of a spec."""

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import BaseModel

from compiler.conform.table3 import Row
from compiler.source.node import Path
from compiler.spec.spec import Spec


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A section of a spec with its path, and the row of Table 3 that the spec is held to."""

    spec: Spec
    row: Row
    section: BaseModel
    path: Path


Values = Callable[[Place], tuple[object, ...]]
"""The values of a setting with which a spec is as the paper says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """The words of the paper about settings, and the values that agree with them.

    `keys` are settings as `Attention.heads`: the name of their section and their own. A statement
    without `values` is about what the paper leaves open; then `says` names what tensor2tensor, the
    code that its authors trained with, has there.
    """

    section: str
    keys: tuple[str, ...]
    says: str
    values: Values | None = None


def exactly(*values: object) -> Values:
    """Return what agrees with any of these values, whatever the rest of the spec says."""
    return lambda _: values


def of_row(name: str) -> Values:
    """Return what agrees with a column of Table 3."""
    return lambda place: (getattr(place.row, name),)
