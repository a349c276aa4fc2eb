"""The tokens that end a text: END, and those of `decoding.ends`."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from compiler.spec.spec import Spec
from runtime.data.symbols import END, UNKNOWN
from runtime.data.tokenizers.tokenizer import Tokenizer
from runtime.errors import UserError


@dataclass(frozen=True, slots=True)
class Ends:
    """Numbers of tokens of which the first one that a text gets is its last."""

    others: tuple[int, ...] = ()
    """The numbers of the other tokens that end a text, in order."""

    @classmethod
    def of(cls, spec: Spec, tokenizer: Tokenizer) -> "Ends":
        """Return those of a spec; raises a UserError for one that the vocabulary does not have."""
        found = {name: tokenizer.number(name) for name in spec.decoding.ends or ()}
        if missing := [name for name, number in found.items() if number == UNKNOWN]:
            raise UserError(
                f"`decoding.ends` has a token that the vocabulary does not have: {missing[0]!r}",
                help="tokens are written as the vocabulary has them",
            )
        return cls(tuple(sorted({*found.values()} - {END})))

    @property
    def tokens(self) -> tuple[int, ...]:
        return (END, *self.others)

    def __len__(self) -> int:
        return 1 + len(self.others)

    def are(self, tokens: Tensor) -> Tensor:
        """Return which tokens [...] end a text."""
        found = tokens == END
        for each in self.others:
            found = found | (tokens == each)
        return found

    def forbid(self, scores: Tensor) -> None:
        """Set the scores [..., vocabulary] of all of them to -inf, in place."""
        for each in self.tokens:
            scores[..., each].fill_(-torch.inf)

    def scores(self, scores: Tensor) -> list[Tensor]:
        """Return a copy of the scores [...] of each of them, which `give_back` takes."""
        return [scores[..., each].clone() for each in self.tokens]

    def give_back(self, scores: Tensor, own: Sequence[Tensor], where: Tensor) -> None:
        """Give them scores of before where a mask [...] says so, in place."""
        for token, score in zip(self.tokens, own, strict=True):
            scores[..., token] = torch.where(where, score, scores[..., token])


END_ALONE = Ends()
