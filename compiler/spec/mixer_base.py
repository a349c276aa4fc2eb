"""The base of the settings of mixers: what other modules know of a kind."""

from collections.abc import Iterator
from typing import ClassVar, NamedTuple, Self

from compiler.spec.base import Section


class Conflict(NamedTuple):
    """A mistake at a key of a mixer, with the code, the message and the help that explain it."""

    key: str
    code: str
    message: str
    help: str


class Mixer(Section):
    """The settings of one kind of mixer; a subclass overrides the facts in which it differs."""

    EXAMPLE: ClassVar[str]
    """The shortest settings, which messages show."""
    AHEAD_KEY: ClassVar[str] = ""
    """The key that decides whether a position reads later ones, at which a failed proof points."""
    OUTPUT_KEYS: ClassVar[tuple[str, ...]] = ()
    """The keys of which each makes a linear map `output` follow where it is set."""

    @property
    def has_output(self) -> bool:
        """True if a linear map `output` may follow, which adds to the residual stream."""
        return any(getattr(self, key) for key in self.OUTPUT_KEYS)

    @property
    def reads_ahead(self) -> bool:
        """True if a position reads later ones, after the defaults are resolved."""
        return False

    def with_defaults(self, width: int, *, causal: bool) -> Self:  # noqa: ARG002
        """Return the settings of a stream of `width` numbers, `causal` in a decoder, complete."""
        return self

    def conflicts(self, width: int, *, causal: bool) -> Iterator[Conflict]:  # noqa: ARG002
        """Yield the mistakes in settings that are each right, as in `with_defaults`."""
        yield from ()
