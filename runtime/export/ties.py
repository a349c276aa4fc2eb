"""Two texts for one line, by the scores that the run's network gives to them."""

from collections.abc import Sequence

import torch
from torch import Tensor

from compiler.spec.decoding import BeamSearch
from runtime.export.own_network import OwnNetwork
from runtime.inference.beam_search import length_penalty
from runtime.inference.ends import Ends
from runtime.inference.repetition import Repetition


def difference_of_scores(
    own: OwnNetwork,
    decoding: BeamSearch,
    line: str,
    one: Sequence[int],
    other: Sequence[int],
) -> float:
    """Return how far the scores of two texts are apart, of which a search has chosen one.

    Greedy search compares the first tokens that differ, a beam the scores of whole texts. The texts
    are without the tokens that they are given to begin with.
    """
    scores = [_scores(own, decoding, line, each) for each in (one, other)]
    if decoding.beam == 1:
        pairs = zip(one, other, strict=False)
        shorter = min(len(one), len(other))
        first = next((n for n, (a, b) in enumerate(pairs) if a != b), shorter)
        values = [each[first] for each in scores]
    else:
        values = [each.sum() / length_penalty(len(each), decoding) for each in scores]
    return float((values[0] - values[1]).abs())


def _scores(own: OwnNetwork, decoding: BeamSearch, line: str, tokens: Sequence[int]) -> Tensor:
    """Return the log-probabilities [tokens + 1] of a text and of the likeliest token that ends it.

    They are those that a search adds up: `repetition_penalty` has changed them.
    """
    sources, ((*given,),) = own.given_tokens([line], decoding)
    with torch.inference_mode():
        logits = own.logits(sources[0] if sources else None, [*given, *tokens])[len(given) :]
        if repetition := Repetition.of(decoding):
            text = torch.tensor([*given, *tokens], dtype=torch.long)
            rows = enumerate(logits, len(given))
            logits = torch.stack([repetition.penalize(row, text[:read]) for read, row in rows])
        scores = logits.log_softmax(-1)
        ends = Ends.of(own.with_decoding(decoding), own.tokenizers[1])
        end = scores[-1, list(ends.tokens)].max()
        column = torch.tensor(tokens, dtype=torch.long).unsqueeze(1)
        chosen = scores[: len(tokens)].gather(1, column).squeeze(1)
        return torch.cat((chosen, end.unsqueeze(0)))
