"""Beam search as slow and plain as it can be: the reference that the fast one is held to.

    python -m benchmarks.plain_search RUN --sentences 200

translates the first sentences of a run's test set both ways and counts those that differ.
"""

import argparse
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.command import finish, say
from benchmarks.rounds import Disagreement
from compiler.spec.training import Decoding
from runtime.data.symbols import BEGIN, END, PADDING
from runtime.inference.beam_search import Hypothesis
from runtime.inference.lengths import longest_translation

NEAR = 1e-4
"""Scores nearer than this are a tie, which rounding decides."""


@torch.no_grad()
def plain_search(
    model: Any,
    source: list[int],
    limit: int,
    decoding: Decoding,
    n_best: int = 1,
    prefix: Sequence[int] = (),
) -> list[Hypothesis]:
    """Searches for one sentence: reads every prefix anew, and never ends early.

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
            scores[:, END] = -torch.inf
        if length > limit:
            scores[:, torch.arange(scores.size(1)) != END] = -torch.inf
        if decoding.no_repeat_ngram is not None:
            forbid_repeated(scores, texts, decoding.no_repeat_ngram, ends)
        candidates = [
            (total + score, [*tokens, token])
            for (total, tokens), row in zip(live, scores, strict=True)
            for score, token in _best(row, 2 * decoding.beam)
        ]
        candidates.sort(key=lambda candidate: -candidate[0])
        top = candidates[: decoding.beam]
        for total, tokens in top:
            if tokens[-1] == END:
                score = total / _penalty(length, decoding)
                finished.append(Hypothesis(tokens=tuple(tokens[:-1]), score=score))
        has_enough = decoding.stop == "beam" and len(finished) >= decoding.beam
        if has_enough or all(tokens[-1] == END for _, tokens in top):
            break
        live = [each for each in candidates if each[1][-1] != END][: decoding.beam]
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
    """Those of the best tokens that are not forbidden."""
    values, tokens = scores.topk(min(count, len(scores)))
    pairs = zip(values.tolist(), tokens.tolist(), strict=True)
    return [(score, token) for score, token in pairs if score > -math.inf]


def _penalty(length: int, decoding: Decoding) -> float:
    base = length if decoding.normalization == "length" else (5 + length) / 6
    return math.pow(base, decoding.length_penalty)


def main() -> None:
    """Compares the two searches; ends with 1 where a difference is more than a tie."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.plain_search", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("run", type=Path, metavar="RUN")
    parser.add_argument("--sentences", type=int, default=200)
    options = parser.parse_args()
    from runtime.inference.load import load_as
    from runtime.inference.translator import Translator
    from runtime.run import Run
    from runtime.scoring.measures import read_scoring_set

    run = Run.open(options.run)
    translator = load_as(Translator, run, device="cpu")
    spec, decoder = run.package.spec, translator.decoder
    lines = read_scoring_set(spec, "test", translator.target_tokenizer).sources
    sources = translator.source_tokenizer.encode_lines(lines[: options.sentences])
    same = ties = 0
    for number, (source, (fast,)) in enumerate(zip(sources, decoder.decode(sources), strict=True)):
        limit = longest_translation(spec, len(source))
        (slow,) = plain_search(decoder.model, [*source, END], limit, spec.decoding)
        same += fast.tokens == slow.tokens
        ties += fast.tokens != slow.tokens and abs(fast.score - slow.score) < NEAR
        if number % 20 == 19:
            say(f"  {number + 1} of {len(sources)}")
    print(f"{len(sources)} sentences, beam {spec.decoding.beam}: {same} the same, {ties} ties")
    if same + ties < len(sources):
        raise Disagreement(f"{len(sources) - same - ties} translations differ")


if __name__ == "__main__":
    finish(main)
