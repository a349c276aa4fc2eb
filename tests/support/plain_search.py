"""Beam search as slow and plain as it can be: the reference that the fast one is held to."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from compiler.spec.decoding import BeamSearch
from runtime.data.symbols import BEGIN, END, PADDING
from runtime.inference.beam_search import Hypothesis


@torch.no_grad()
def plain_search(
    model: Any,
    source: list[int],
    limit: int,
    decoding: BeamSearch,
    n_best: int = 1,
    prefix: Sequence[int] = (),
    ending: Sequence[int] = (END,),
) -> list[Hypothesis]:
    """Searches for one sentence: reads every prefix anew, and never ends early.

    `ending` are the tokens of which the first ends a hypothesis.

    The translation is forced to begin with `prefix`, which is not part of the hypotheses.
    """
    live: list[tuple[float, list[int]]] = [(0.0, [])]
    finished: list[Hypothesis] = []
    for length in range(1, limit + 2):
        texts = [[*prefix, *tokens] for _, tokens in live]
        logits = next_token_logits(model, source, texts)
        penalize_repeated(logits, texts, decoding.repetition_penalty or 1.0)
        scores = torch.log_softmax(logits, dim=-1)
        scores[:, [PADDING, BEGIN]] = -torch.inf
        ends = scores[:, END].tolist()
        if length <= min(decoding.min_length, limit):
            scores[:, ending] = -torch.inf
        if length > limit:
            scores[:, [each for each in range(scores.size(1)) if each not in ending]] = -torch.inf
        if decoding.no_repeat_ngram is not None:
            forbid_repeated(scores, texts, decoding.no_repeat_ngram, ends)
        candidates = [
            (total + score, [*tokens, token])
            for (total, tokens), row in zip(live, scores, strict=True)
            for score, token in _best(row, len(row))
        ]
        candidates.sort(key=lambda candidate: -candidate[0])
        top = candidates[: decoding.beam]
        for total, tokens in top:
            if tokens[-1] in ending:
                score = total / _penalty(length, decoding)
                finished.append(Hypothesis(tokens=tuple(tokens[:-1]), score=score))
        has_enough = decoding.stop == "beam" and len(finished) >= decoding.beam
        if has_enough or all(tokens[-1] in ending for _, tokens in top):
            break
        live = [each for each in candidates if each[1][-1] not in ending][: decoding.beam]
    return sorted(finished, key=lambda hypothesis: -hypothesis.score)[:n_best]


def next_token_scores(model: Any, source: list[int], prefixes: list[list[int]]) -> Tensor:
    """Log-probabilities of the tokens after prefixes of one length -> [prefix, vocabulary]"""
    return torch.log_softmax(next_token_logits(model, source, prefixes), dim=-1)


def next_token_logits(model: Any, source: list[int], prefixes: list[list[int]]) -> Tensor:
    """Logits of the tokens after prefixes of one length -> [prefix, vocabulary]"""
    rows = torch.tensor([[BEGIN, *tokens] for tokens in prefixes])
    features = model.features(torch.tensor([source] * len(prefixes)), rows)
    logits: Tensor = model.project(features[:, -1])
    return logits


def penalize_repeated(logits: Tensor, texts: list[list[int]], penalty: float) -> None:
    """Changes logits [text, vocabulary] of the tokens that each text has, one by one."""
    for row, text in zip(logits, texts, strict=True):
        for token in set(text):
            row[token] = row[token] * penalty if row[token] < 0 else row[token] / penalty


def forbid_repeated(scores: Tensor, texts: list[list[int]], n: int, ends: list[float]) -> None:
    """Forbids, in scores [text, vocabulary], tokens that would repeat an n-gram of the text."""
    for row, text, end in zip(scores, texts, ends, strict=True):
        ngrams = {tuple(text[start : start + n]) for start in range(len(text) - n + 1)}
        for token in range(len(row)):
            if (*text[len(text) - n + 1 :], token) in ngrams:
                row[token] = -torch.inf
        if row.max() == -torch.inf:
            row[END] = end


def _best(scores: Tensor, count: int) -> list[tuple[float, int]]:
    """Return the best tokens that are not forbidden, at most `count`, with their scores."""
    values, tokens = scores.topk(min(count, len(scores)))
    pairs = zip(values.tolist(), tokens.tolist(), strict=True)
    return [(score, token) for score, token in pairs if score > -math.inf]


def _penalty(length: int, decoding: BeamSearch) -> float:
    base = length if decoding.normalization == "length" else (5 + length) / 6
    return math.pow(base, decoding.length_penalty)
