"""Bounds on what a text says twice: `decoding.no_repeat_ngram` and `decoding.repetition_penalty`.

The text is all that the decoder has read except BEGIN: the prompt of a language model, or the
forced prefix of a translation, and the tokens generated since.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from compiler.spec.decoding import Decoding
from runtime.data.symbols import END, PADDING


@dataclass(frozen=True, slots=True)
class Repetition:
    """The bounds on repeated tokens that a spec's `decoding:` sets."""

    ngram: int | None
    penalty: float | None

    @classmethod
    def of(cls, decoding: Decoding) -> "Repetition | None":
        """The bounds of a spec; None where it has none, so that decoding need not keep the text."""
        if decoding.no_repeat_ngram is None and decoding.repetition_penalty in (None, 1.0):
            return None
        return cls(decoding.no_repeat_ngram, decoding.repetition_penalty)

    def penalize(self, logits: Tensor, text: Tensor) -> Tensor:
        """Makes tokens that occur in the text less likely.

        logits [..., vocabulary], text [..., length] -> logits [..., vocabulary]

        The logits of tokens that the text has are divided by the penalty where they are positive
        and multiplied by it where they are negative (Keskar et al. 2019, section 4.1, with the
        sign of Hugging Face's `RepetitionPenaltyLogitsProcessor`); once, however often they occur.
        """
        if self.penalty is None:
            return logits
        found = logits.gather(-1, text)
        weaker = torch.where(found < 0, found * self.penalty, found / self.penalty)
        return logits.scatter(-1, text, weaker)

    def forbid(self, scores: Tensor, text: Tensor) -> None:
        """Sets the scores of tokens that would repeat an n-gram of the text to -inf, in place.

        scores [..., vocabulary], text [..., length]
        """
        if self.ngram is None or text.size(-1) < self.ngram:
            return
        ngrams = text.unfold(-1, self.ngram, 1)
        newest = text[..., text.size(-1) - self.ngram + 1 :].unsqueeze(-2)
        is_repeated = (ngrams[..., :-1] == newest).all(-1)
        scores.scatter_(-1, ngrams[..., -1].where(is_repeated, PADDING), -torch.inf)


def keep_an_end(scores: Tensor, end: Tensor) -> None:
    """Gives END its score [...] back where scores [..., vocabulary] leave no token."""
    nothing = scores.amax(-1) == -torch.inf
    scores[..., END] = torch.where(nothing, end, scores[..., END])
