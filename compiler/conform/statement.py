"""A statement about settings of a spec: what the paper says, or that it does not name them."""

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import BaseModel

from compiler.conform.table3 import Row
from compiler.source.node import Path
from compiler.spec.spec import Spec


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A section of a spec with its path, and the row of Table 3 that the spec is compared with."""

    spec: Spec
    row: Row
    section: BaseModel
    path: Path


Values = Callable[[Place], tuple[object, ...]]
"""The values of a setting with which a spec is as the paper says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """The words of the paper about settings, and the values that agree with them.

    `keys` are settings as `Attention.heads`: the name of their section and their own. `says` has
    the paper's words about them. It is empty for settings that no sentence, equation or figure of
    the paper names: then `about` describes the setting, and `values` are those that add nothing to
    what the paper describes. Without `values` it is a choice that everyone who implements the paper
    has to make. `tensor2tensor` tells what the code has there that the authors trained with.
    """

    section: str
    keys: tuple[str, ...]
    says: str = ""
    about: str = ""
    values: Values | None = None
    tensor2tensor: str = ""

    @property
    def is_named(self) -> bool:
        """Return whether the paper says anything about the settings."""
        return bool(self.says)


def unnamed(
    section: str, *keys: str, about: str, values: Values | None = None, tensor2tensor: str = ""
) -> Statement:
    """Return the statement that the paper does not name some settings."""
    return Statement(
        section=section, keys=keys, about=about, values=values, tensor2tensor=tensor2tensor
    )


def exactly(*values: object) -> Values:
    """Return what agrees with any of these values, whatever the rest of the spec says."""
    return lambda _: values


def of_row(name: str) -> Values:
    """Return what agrees with a column of Table 3."""
    return lambda place: (getattr(place.row, name),)
