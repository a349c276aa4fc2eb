"""The tokens and symbols of a text that a network reads, for which no weight is needed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from compiler.spec.spec import Spec
from compiler.spec.tasks import TASKS, Task
from runtime.attention.words import Stream
from runtime.data.symbols import BEGIN, END, NAMES_WITH_MASK, UNKNOWN
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
    def task(self) -> Task:
        """The facts of the task that the network is for."""
        return TASKS[self.spec.task]

    def read(
        self,
        text: str,
        target: str | None = None,
        *,
        place: str = "",
        answer: Callable[[list[int]], Sequence[int]] | None = None,
    ) -> Reading:
        """Return what the stacks read of a text, and of its target where the task has one.

        `answer` makes the target of a source where none is given; without it there is only the
        source. Raises a UserError that begins with `place`, if any, for a target where the task
        has none, and for a text that has no token.
        """
        if target is not None:
            self.refuse_target(place)
        notes: list[str] = []
        tokens = self._tokens(text, place, notes)
        first = Stream.of(self.with_symbols(tokens), self.tokenizers[0])
        streams = {"source" if self._begins_with_encoder else "target": first}
        if self.task.reads_a_source:
            if target is not None:
                own = self.tokenizers[1].encode(target)
                streams["target"] = self._target(_kept(own, self._longest, "target", notes))
            elif answer is not None:
                streams["target"] = self._target(answer(tokens))
        return Reading(streams=streams, notes=tuple(notes))

    def refuse_target(self, place: str) -> None:
        """Raise a UserError that begins with `place` if the task has no target."""
        if not self.task.reads_a_source:
            message = _at(place, f"`task: {self.spec.task}` has no target")
            raise UserError(message, help="leave it out")

    def with_symbols(self, tokens: Sequence[int]) -> list[int]:
        """Return a text's tokens with the symbols beside them that the first stack reads."""
        before = [] if self.task.reads_a_source else [BEGIN]
        return [*before, *tokens, *([END] if self._begins_with_encoder else [])]

    @property
    def _begins_with_encoder(self) -> bool:
        return "encoder" in self.task.stacks

    @property
    def _longest(self) -> int:
        is_between = self.task.reads_whole_texts
        return longest_between_symbols(self.spec) if is_between else longest_read(self.spec)

    def _tokens(self, text: str, place: str, notes: list[str]) -> list[int]:
        if self.task.symbols == len(NAMES_WITH_MASK):
            tokens = encode_with_gaps(text, self.tokenizers[0])
        else:
            tokens = self.tokenizers[0].encode(text)
        if not tokens and not self.task.reads_whole_texts:
            raise UserError(_at(place, "the text is empty"), help="give one with words")
        return _kept(tokens, self._longest, "text", notes)

    def _target(self, tokens: Sequence[int]) -> Stream:
        return Stream.of([BEGIN, *tokens], self.tokenizers[1])


def _at(place: str, words: str) -> str:
    return f"{place}: {words}" if place else words


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
