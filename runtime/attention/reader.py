"""The tokens and symbols of a text that a network reads, for which no weight is needed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from compiler.spec.spec import Spec
from compiler.spec.tasks import TASKS
from runtime.attention.words import Stream
from runtime.data.symbols import BEGIN, END, UNKNOWN
from runtime.data.tasks.task import longest_between_symbols
from runtime.data.tokenizers.tokenizer import Tokenizer
from runtime.errors import UserError
from runtime.inference.batch_decoder import longest_read
from runtime.inference.filler import encode_with_gaps
from runtime.run import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The positions that the stacks read."""

    streams: dict[str, Stream]
    """The `source` that an encoder reads and the `target` that a decoder reads."""
    notes: tuple[str, ...]
    """Sentences about what the network does not read, or does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """The tokenizers of a run and the lengths that its network reads."""

    spec: Spec
    tokenizers: tuple[Tokenizer, Tokenizer]

    @classmethod
    def of(cls, run: Run) -> "Reader":
        """Return the reader of a run."""
        return cls(spec=run.package.spec, tokenizers=run.tokenizers())

    @property
    def command(self) -> str:
        """The command that answers texts by such a network: `translate`, `generate` and others."""
        return TASKS[self.spec.task].command

    def read(
        self,
        text: str,
        target: str | None = None,
        *,
        place: str,
        answer: Callable[[list[int]], Sequence[int]] | None = None,
    ) -> Reading:
        """Return what the stacks read of a text, and of its target where the task has one.

        `answer` makes the target of a source where none is given; without it there is only the
        source. Raises a UserError that begins with `place` for a target where the task has none,
        and for a text that has no token.
        """
        if target is not None and self.command != "translate":
            raise UserError(
                f"{place}: a target is given, and `task: {self.spec.task}` has no target",
                help="leave it out",
            )
        notes: list[str] = []
        tokens = self._tokens(text, place, notes)
        first = Stream.of(self.with_symbols(tokens), self.tokenizers[0])
        streams = {"target" if self.command == "generate" else "source": first}
        if self.command == "translate":
            if target is not None:
                own = self.tokenizers[1].encode(target)
                streams["target"] = self._target(_kept(own, self._longest, "target", notes))
            elif answer is not None:
                streams["target"] = self._target(answer(tokens))
        return Reading(streams=streams, notes=tuple(notes))

    def with_symbols(self, tokens: Sequence[int]) -> list[int]:
        """Return a text's tokens with the symbols beside them that the first stack reads."""
        before = [] if self.command == "translate" else [BEGIN]
        return [*before, *tokens, *([] if self.command == "generate" else [END])]

    @property
    def _longest(self) -> int:
        is_between = self.command in ("fill", "classify", "embed")
        return longest_between_symbols(self.spec) if is_between else longest_read(self.spec)

    def _tokens(self, text: str, place: str, notes: list[str]) -> list[int]:
        if self.command in ("fill", "classify"):
            tokens = encode_with_gaps(text, self.tokenizers[0])
        else:
            tokens = self.tokenizers[0].encode(text)
        if not tokens and self.command in ("translate", "generate"):
            raise UserError(f"{place}: the text is empty", help="give one with words")
        return _kept(tokens, self._longest, "text", notes)

    def _target(self, tokens: Sequence[int]) -> Stream:
        return Stream.of([BEGIN, *tokens], self.tokenizers[1])


def _kept(tokens: list[int], longest: int, name: str, notes: list[str]) -> list[int]:
    """Return the tokens that are read; adds to the notes what is cut off or unknown."""
    kept = tokens[:longest]
    if len(tokens) > longest:
        notes.append(
            f"The {name} is cut: it has {len(tokens):,} tokens, of which the network reads the "
            f"first {longest:,}."
        )
    if unknown := kept.count(UNKNOWN):
        notes.append(
            f"{unknown:,} of the {len(kept):,} tokens of the {name} are not in the vocabulary: the "
            "network reads <unk> in their place."
        )
    return kept
