"""Writes a text for each line of text, by the graphs in the folder of this file.

    python decode.py < lines.txt > texts.txt

A translation of each line, or of a language model its continuation. It needs numpy, tokenizers,
and onnxruntime for graphs of ONNX or torch for those of torch.export. The graph `start` reads a
text and returns a state, which is a tensor for each name in `decode.json`; `step` reads the newest
token of each hypothesis, and the number of the hypothesis that it continues. Beams are rows of a
step over one state, of which nothing is copied when a beam turns to other hypotheses.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
State = dict[str, Array]
Settings = Mapping[str, Any]
"""The settings `decoding` of the spec, as `decode.json` has them."""
PADDING, UNKNOWN, BEGIN, END = range(4)
NEVER = -np.inf


class Network(Protocol):
    """A network that reads tokens one after the other."""

    def start(self, tokens: Array) -> State:
        """tokens [batch, position] of a source; a language model asks for their batch alone."""

    def step(self, token: Array, parent: Array, position: int, state: State) -> Array:
        """token, parent [batch, beam] -> logits [batch, beam, vocabulary]; changes the state."""


class OnnxNetwork:
    """The graphs `start.onnx` and `step.onnx` of a folder."""

    def __init__(self, folder: Path, changed: Sequence[str]) -> None:
        """`changed` are the tensors of the state that a step returns after the logits."""
        import onnxruntime

        def opened(name: str) -> Any:
            cpu = ["CPUExecutionProvider"]
            return onnxruntime.InferenceSession(folder / name, providers=cpu)

        self.first, self.next, self.changed = opened("start.onnx"), opened("step.onnx"), changed

    def start(self, tokens: Array) -> State:
        """Return the state before the first token."""
        (given,) = self.first.get_inputs()
        names = [each.name for each in self.first.get_outputs()]
        return dict(zip(names, self.first.run(names, {given.name: tokens}), strict=True))

    def step(self, token: Array, parent: Array, position: int, state: State) -> Array:
        """Return the logits of the tokens that may follow."""
        given = {**state, "token": token, "parent": parent, "position": np.array(position)}
        wanted = {each.name: given[each.name] for each in self.next.get_inputs()}
        logits, *tensors = self.next.run(None, wanted)
        state.update(zip(self.changed, tensors, strict=True))
        return np.asarray(logits)


class TorchNetwork:
    """The graphs `start.pt2` and `step.pt2` of a folder."""

    def __init__(self, folder: Path, state: Sequence[str], changed: Sequence[str]) -> None:
        """`state` names the tensors of a state, `changed` those that a step returns."""
        import torch

        self.torch, self.state, self.changed = torch, state, changed
        self.first, self.next = (
            torch.export.load(folder / name).module() for name in ("start.pt2", "step.pt2")
        )

    def start(self, tokens: Array) -> State:
        """Return the state before the first token."""
        return dict(zip(self.state, self._run(self.first, tokens), strict=True))

    def step(self, token: Array, parent: Array, position: int, state: State) -> Array:
        """Return the logits of the tokens that may follow."""
        tensors = (state[each] for each in self.state)
        logits, *changed = self._run(self.next, token, parent, np.array(position), *tensors)
        state.update(zip(self.changed, changed, strict=True))
        return logits

    def _run(self, graph: Any, *inputs: Array) -> list[Array]:
        with self.torch.inference_mode():
            return [each.numpy() for each in graph(*map(self.torch.from_numpy, inputs))]


class Ended(NamedTuple):
    """A hypothesis that has come to its end."""

    score: float
    tokens: list[int]


def search(
    network: Network,
    source: Sequence[int],
    text: Sequence[int],
    limit: int,
    settings: Settings,
    ends: Sequence[int] = (END,),
) -> list[int]:
    """Return the best tokens after a text that begins with BEGIN, at most `limit` of them.

    It is beam search as the spec's `decoding` describes it; a beam of 1 is greedy search. A text
    ends before the first token that is one of `ends`.
    """
    state = network.start(np.array([source or text]))
    for position, read in enumerate(text[:-1]):
        network.step(np.array([[read]]), np.array([[0]]), position, state)
    beam, ended = settings["beam"], list[Ended]()
    total, parents, tokens, rows = np.zeros(1), [0], [text[-1]], [list[int]()]
    while True:
        place = len(text) - 1 + len(rows[0])
        logits = network.step(np.array([tokens]), np.array([parents]), place, state)[0]
        known = [[*text[1:], *each] for each in rows]
        scores = total[:, None] + next_scores(logits, known, len(rows[0]), limit, settings, ends)
        best = largest(scores.ravel(), (1 + len(ends)) * beam)
        score = scores.ravel()[best]
        parent, token = np.divmod(best, scores.shape[1])
        is_end = np.isin(token, ends) & (score > NEVER)
        length = len(rows[0]) + 1
        ended += [
            Ended(score[n] / penalty(length, settings), rows[parent[n]])
            for n in np.flatnonzero(is_end[:beam])
        ]
        live = np.flatnonzero(~is_end & (score > NEVER))[:beam]
        is_full = not (~is_end & (score > NEVER))[:beam].any()
        is_enough = settings["stop"] == "beam" and len(ended) >= beam
        if is_full or is_enough or not len(live):
            break
        total, parents, tokens = score[live], [*map(int, parent[live])], [*map(int, token[live])]
        rows = [[*rows[p], t] for p, t in zip(parents, tokens, strict=True)]
        best_ended = max((each.score for each in ended), default=NEVER)
        if best_ended >= total[0] / penalty(limit + 1, settings):
            break
    return max(ended, key=lambda each: each.score).tokens


def next_scores(
    logits: Array,
    read: Sequence[Sequence[int]],
    length: int,
    limit: int,
    settings: Settings,
    ends: Sequence[int],
) -> Array:
    """Return the log-probabilities of next tokens, minus infinity for those that may not follow.

    logits [beam, vocabulary], the tokens that each hypothesis has read, and how many of them are
    new -> [beam, vocabulary]
    """
    scores = log_softmax(penalized(logits, read, settings["repetition_penalty"]))
    scores[:, [PADDING, BEGIN]] = NEVER
    own, end = scores[:, list(ends)].copy(), scores[:, END].copy()
    if length < settings["min_length"]:
        scores[:, list(ends)] = NEVER
    if length >= limit:
        scores[:] = NEVER
        scores[:, list(ends)] = own
    forbid_repetition(scores, read, settings["no_repeat_ngram"])
    scores[:, END] = np.where(scores.max(1) == NEVER, end, scores[:, END])
    return scores


def log_softmax(logits: Array) -> Array:
    """logits [..., vocabulary] -> log-probabilities [..., vocabulary]"""
    shifted = logits.astype(np.float64) - logits.max(-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(-1, keepdims=True)))


def penalized(logits: Array, read: Sequence[Sequence[int]], factor: float | None) -> Array:
    """Return logits in which tokens that a hypothesis has read are less likely."""
    logits = logits.copy()
    for row, tokens in enumerate(read if factor else ()):
        found = logits[row, tokens]
        logits[row, tokens] = np.where(found < 0, found * factor, found / factor)
    return logits


def forbid_repetition(scores: Array, read: Sequence[Sequence[int]], size: int | None) -> None:
    """Forbid tokens by which a sequence of `size` tokens would occur twice in a text."""
    for row, tokens in enumerate(read if size else ()):
        assert size is not None
        newest = tokens[len(tokens) - size + 1 :]
        for first in range(len(tokens) - size + 1):
            if tokens[first : first + size - 1] == newest:
                scores[row, tokens[first + size - 1]] = NEVER


def largest(values: Array, count: int) -> Array:
    """Return the places of the largest values, the largest first."""
    count = min(count, len(values))
    places = np.argpartition(-values, count - 1)[:count]
    return np.asarray(places[np.argsort(-values[places], kind="stable")])


def penalty(length: int, settings: Settings) -> float:
    """Return the divisor of the score of a hypothesis of `length` tokens, END included."""
    exponent = float(settings["length_penalty"])
    if settings["normalization"] == "gnmt":
        return float(((5 + length) / 6) ** exponent)
    return float(length**exponent)


def opened_network(folder: Path, state: Sequence[str], changed: Sequence[str]) -> Network:
    """Return the network of a folder, whose graphs are those of torch.export or of ONNX."""
    if (folder / "start.pt2").exists():
        return TorchNetwork(folder, state, changed)
    return OnnxNetwork(folder, changed)


class Decoder:
    """A network with its tokenizers: lines of text to texts."""

    def __init__(self, folder: Path) -> None:
        from tokenizers import Tokenizer

        def opened(path: Path) -> Any:
            tokenizer = Tokenizer.from_file(str(path))
            tokenizer.encode_special_tokens = True  # a symbol in a text is text
            return tokenizer

        self.about = json.loads((folder / "decode.json").read_text("utf-8"))
        self.network = opened_network(folder, self.about["state"], self.about["changed"])
        self.ends = [*map(int, self.about["ends"])]
        names = self.about["tokenizers"]
        self.source, self.target = opened(folder / names[0]), opened(folder / names[-1])

    def write(self, line: str, settings: Settings) -> tuple[list[int], list[int]]:
        """Return the tokens that a text is to begin with, and those that the network adds.

        It begins with a prompt, or a translation with the prefix of the spec.
        """
        tokens, longest = self.source.encode(line).ids, self.about["longest"]
        if not self.about["reads_a_source"]:
            given = tokens[max(len(tokens) - longest, 0) :]
            limit = self.limit(settings, settings["max_extra_length"], len(given), len(given))
            return given, search(self.network, (), [BEGIN, *given], limit, settings, self.ends)
        given, read = self.about["prefix"], tokens[:longest]
        if not read:
            return given, []
        limit = self.limit(settings, len(read) + settings["max_extra_length"], 0, len(given))
        text = [BEGIN, *given]
        return given, search(self.network, [*read, END], text, limit, settings, self.ends)

    def text(self, line: str, given: Sequence[int], new: Sequence[int]) -> str:
        """Return the text of tokens; a prompt, which is the line, stays as it is."""
        whole = str(self.target.decode([*given, *new]))
        if self.about["reads_a_source"]:
            return whole
        read = str(self.target.decode(list(given)))
        kept = line if line.endswith(read.lstrip()) else line.rstrip()
        return kept + whole.removeprefix(read)

    def limit(self, settings: Settings, extra: int, given: int, read: int) -> int:
        """Return the most new tokens, of which `given` count as old and `read` need positions."""
        limits = [extra]
        if settings["max_length"] is not None:
            limits.append(settings["max_length"] - given)
        if self.about["positions"] is not None:
            limits.append(self.about["positions"] - 1 - read)
        return max(min(limits), 0)


def main() -> None:
    """Read lines, write texts."""
    decoder = Decoder(Path(__file__).parent)
    settings = decoder.about["decoding"]
    parser = argparse.ArgumentParser(description="Write a text for each line of text.")
    parser.add_argument("--beam", type=int, help="hypotheses of a text; 1 is greedy search")
    parser.add_argument("--length-penalty", type=float, help="exponent of the length penalty")
    parser.add_argument("--normalization", choices=("gnmt", "length"), help="divisor of scores")
    given = vars(parser.parse_args())
    settings |= {name: value for name, value in given.items() if value is not None}
    for line in sys.stdin:
        prompt = line.rstrip("\n")
        print(decoder.text(prompt, *decoder.write(prompt, settings)), flush=True)


if __name__ == "__main__":
    main()
