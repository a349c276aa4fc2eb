"""From prompts to texts that begin with them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self, cast, overload

import torch
from torch import nn

from compiler.spec.spec import Spec
from runtime.data.symbols import BEGIN
from runtime.data.tokenizer import Tokenizer
from runtime.errors import UserError
from runtime.inference.batch_decoder import BATCH_SENTENCES, sentences_of_a_batch
from runtime.inference.beam_search import Hypothesis, search_from
from runtime.inference.calls import chosen_spec, description, texts_of
from runtime.inference.lengths import longest_continuation, longest_prompt
from runtime.inference.network import LanguageModel, located, read_all_but_last
from runtime.inference.sampling import sample_from
from runtime.inference.worker_pool import in_processes
from runtime.run import Run

Report = Callable[[str], None] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Continuation:
    """A text that begins with a prompt, and the number of tokens that follow this."""

    text: str
    score: float
    """See `search`; 0 for tokens that were drawn."""
    tokens: int


class Generator:
    """A language model with its tokenizer, used as the spec's `decoding:` says."""

    def __init__(
        self, model: nn.Module, tokenizer: Tokenizer, spec: Spec, *, workers: int = 1
    ) -> None:
        """The network must be in evaluation mode; `workers` processes share it, on a CPU."""
        self.model = cast(LanguageModel, model)
        self.device = next(model.parameters()).device
        self.tokenizer, self.spec, self.workers = tokenizer, spec, workers

    @classmethod
    def of_run(cls, run: Run, model: nn.Module, spec: Spec, workers: int) -> Self:
        """Makes a generator of a network and the tokenizer of its run."""
        return cls(model, run.tokenizers()[0], spec, workers=workers)

    def __repr__(self) -> str:
        return description(self, cast(nn.Module, self.model), self.spec)

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
        keys of `decoding:` and `decoding.sampling:` for this call: `beam=4` searches,
        `temperature=0.8, top_p=0.9` draws. `report` gets a warning for each prompt that is too long
        for the network and cut. Raises TypeError for other keywords, ValueError for values that a
        spec could not have.
        """
        spec = chosen_spec(self.spec, chosen) if chosen else self.spec
        model = cast(nn.Module, self.model)
        generator = Generator(model, self.tokenizer, spec, workers=self.workers)
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
        report: Callable[[str], None] | None = None,
    ) -> list[list[Continuation]]:
        """For each prompt at most `n_best` texts, the best first; where they are drawn, one.

        Warnings count the lines from `first_line`, and so do draws.
        """
        if n_best > 1 and self.spec.decoding.sampling is not None:
            raise UserError(
                f"--n-best {n_best} is for a search, and here tokens are drawn",
                help="give the prompt as often as you want a text, or take `decoding.sampling` out",
            )
        tokens = self._encode(prompts, first_line, report)
        most = sentences_of_a_batch(self.spec.decoding.beam)
        batches = list(equal_batches([len(each) for each in tokens], most))

        def search(batch: list[int]) -> list[list[Hypothesis]]:
            lines = [first_line + row for row in batch]
            with located(lines):
                return self._search([tokens[row] for row in batch], lines, n_best)

        found = in_processes(search, batches, min(self.workers, len(batches)))
        results: list[list[Continuation]] = [[] for _ in prompts]
        for batch, hypotheses in zip(batches, found, strict=True):
            for row, several in zip(batch, hypotheses, strict=True):
                results[row] = [self._decode(prompts[row], tokens[row], each) for each in several]
        return results

    def _encode(
        self, prompts: Sequence[str], first_line: int, report: Callable[[str], None] | None
    ) -> list[list[int]]:
        """The tokens of each prompt; of one that is too long, the last."""
        longest = longest_prompt(self.spec)
        encoded = self.tokenizer.encode_lines(prompts)
        for number, tokens in enumerate(encoded, start=first_line):
            if len(tokens) > longest and report:
                report(f"line {number}: cut from {len(tokens):,} tokens to the last {longest:,}")
        return [tokens[max(len(tokens) - longest, 0) :] for tokens in encoded]

    @torch.inference_mode()
    def _search(
        self, prompts: list[list[int]], lines: list[int], n_best: int
    ) -> list[list[Hypothesis]]:
        """Prompts of one length -> what follows them."""
        decoding = self.spec.decoding
        read = torch.tensor([[BEGIN, *tokens] for tokens in prompts], device=self.device)
        limit = longest_continuation(self.spec, len(prompts[0]))
        state = self.model.start(read)
        read_all_but_last(self.model, state, read)
        if decoding.sampling is None:
            limits = [limit] * len(prompts)
            return search_from(self.model, state, read, limits, decoding, n_best=n_best)
        drawn = sample_from(self.model, state, read, limit, lines, decoding, decoding.sampling)
        return [[Hypothesis(tokens=tuple(text), score=0.0)] for text in drawn]

    def _decode(self, prompt: str, tokens: list[int], hypothesis: Hypothesis) -> Continuation:
        """The prompt stays as it is, unknown tokens included."""
        read = self.tokenizer.decode(tokens)
        whole = self.tokenizer.decode([*tokens, *hypothesis.tokens])
        return Continuation(
            text=f"{prompt.rstrip()}{whole.removeprefix(read)}",
            score=hypothesis.score,
            tokens=len(hypothesis.tokens),
        )


def equal_batches(lengths: Sequence[int], most: int = BATCH_SENTENCES) -> Iterator[list[int]]:
    """Indices of prompts of one length, at most so many: all rows of a state are equally long."""
    for length in sorted(set(lengths), reverse=True):
        rows = [row for row, each in enumerate(lengths) if each == length]
        yield from (rows[start : start + most] for start in range(0, len(rows), most))
