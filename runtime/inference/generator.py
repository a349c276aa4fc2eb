"""From prompts to texts that begin with them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self, overload

from torch import nn

from compiler.spec.spec import Spec
from runtime.data.tokenizers.tokenizer import Tokenizer
from runtime.inference.batch_decoder import longest_read
from runtime.inference.beam_search import Hypothesis
from runtime.inference.calls import (
    Attentive,
    Report,
    chosen_spec,
    description,
    report_cuts,
    texts_of,
)
from runtime.inference.engines.ctranslate2_network import CTranslate2Network
from runtime.inference.engines.decoders import decoder_of
from runtime.run import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Continuation:
    """A text that begins with a prompt, and the number of tokens that follow this."""

    text: str
    score: float
    """See `search`; 0 for tokens that were drawn."""
    tokens: int


class Generator(Attentive):
    """A language model with its tokenizer, used as the spec's `decoding:` says."""

    def __init__(
        self,
        model: nn.Module | CTranslate2Network,
        tokenizer: Tokenizer,
        spec: Spec,
        *,
        workers: int = 1,
    ) -> None:
        """The network must be in evaluation mode; `workers` processes share it, on a CPU.

        An export of it has workers of its own.
        """
        self.model = model
        self.tokenizer, self.spec, self.workers = tokenizer, spec, workers

    @classmethod
    def of_run(
        cls, run: Run, model: nn.Module | CTranslate2Network, spec: Spec, workers: int
    ) -> Self:
        """Makes a generator of a network and the tokenizer of its run."""
        return cls(model, run.tokenizers()[0], spec, workers=workers)

    def __repr__(self) -> str:
        return description(self, self.model, self.spec)

    @overload
    def generate(
        self, prompts: str, *, n_best: None = None, report: Report = None, **chosen: Any
    ) -> str: ...

    @overload
    def generate(
        self, prompts: Iterable[str], *, n_best: None = None, report: Report = None, **chosen: Any
    ) -> list[str]: ...

    @overload
    def generate(
        self, prompts: str | Iterable[str], *, n_best: int, report: Report = None, **chosen: Any
    ) -> list[Any]: ...

    def generate(
        self,
        prompts: str | Iterable[str],
        *,
        n_best: int | None = None,
        report: Report = None,
        **chosen: Any,
    ) -> str | list[Any]:
        """A text that begins with a prompt, which may be empty, or a list of them for several.

        With `n_best` each prompt gives a list of `Continuation`, the best first. `chosen` are
        keys of `decoding:` for this call: `beam=4` searches,
        `temperature=0.8, top_p=0.9` draws. `report` gets a warning for each prompt that is too long
        for the network and cut. Raises TypeError for other keywords, ValueError for values that a
        spec could not have.
        """
        spec = chosen_spec(self.spec, chosen) if chosen else self.spec
        generator = Generator(self.model, self.tokenizer, spec, workers=self.workers)
        found = generator.generate_n_best(
            texts_of(prompts), 1 if n_best is None else n_best, report=report
        )
        results = [each if n_best is not None else each[0].text for each in found]
        return results[0] if isinstance(prompts, str) else results

    def generate_n_best(
        self,
        prompts: Sequence[str],
        n_best: int,
        *,
        first_line: int = 1,
        report: Report = None,
    ) -> list[list[Continuation]]:
        """For each prompt at most `n_best` texts, the best first; where they are drawn, one.

        Warnings count the lines from `first_line`, and so do draws.
        """
        tokens = self._encode(prompts, first_line, report)
        decoder = decoder_of(self.model, self.spec, self.workers, self.tokenizer)
        found = decoder.decode(None, prefixes=tokens, n_best=n_best, first_line=first_line)
        return [
            [self._decode(prompt, read, each) for each in several]
            for prompt, read, several in zip(prompts, tokens, found, strict=True)
        ]

    def _encode(self, prompts: Sequence[str], first_line: int, report: Report) -> list[list[int]]:
        """The tokens of each prompt; of one that is too long, the last."""
        longest = longest_read(self.spec)
        encoded = self.tokenizer.encode_lines(prompts)
        report_cuts(encoded, longest, first_line, report, end="last")
        return [tokens[max(len(tokens) - longest, 0) :] for tokens in encoded]

    def _decode(self, prompt: str, tokens: list[int], hypothesis: Hypothesis) -> Continuation:
        read = self.tokenizer.decode(tokens)
        whole = self.tokenizer.decode([*tokens, *hypothesis.tokens])
        return Continuation(
            text=continued(prompt, read, whole),
            score=hypothesis.score,
            tokens=len(hypothesis.tokens),
        )


def continued(prompt: str, read: str, whole: str) -> str:
    """Return a prompt, which stays as it is, unknown tokens included, and what follows it.

    `read` is the text of the prompt's tokens, and `whole` that of all tokens. Spaces and line
    breaks at the end of a prompt stay where the tokenizer knows them.
    """
    kept = prompt if prompt.endswith(read.lstrip()) else prompt.rstrip()
    return f"{kept}{whole.removeprefix(read)}"
