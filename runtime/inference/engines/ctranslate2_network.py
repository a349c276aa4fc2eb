"""A network in the folder of an export to CTranslate2, opened by its library."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from runtime.data.symbols import BEGIN, END, NAMES, PADDING
from runtime.inference.engines.decoder import Rows

VOCABULARIES = {
    "source": ("source_vocabulary.json", "shared_vocabulary.json", "vocabulary.json"),
    "target": ("target_vocabulary.json", "shared_vocabulary.json", "vocabulary.json"),
}
"""The files that may hold the words of each side."""


NEVER = [[NAMES[PADDING]], [NAMES[BEGIN]]]
"""The sequences of tokens that are never chosen."""
Found = list[tuple[list[int], float]]
"""Hypotheses without prefix and END, each with its score."""


class CTranslate2Network:
    """A translator or a generator of CTranslate2, on the CPU; texts are rows of our tokens."""

    def __init__(self, folder: Path, *, workers: int = 1) -> None:
        """Open a folder; `workers` of one thread share what is asked of it at once.

        All of it is read now: another process may remove it later. Raises a RuntimeError, an
        OSError or a ValueError for files that are damaged or missing.
        """
        import ctranslate2

        self.workers = workers
        self.source_words, self.target_words = (_words(folder, each) for each in VOCABULARIES)
        self.numbers = {word: number for number, word in enumerate(self.target_words)}
        self.is_translator = not (folder / "vocabulary.json").is_file()
        kind: Any = ctranslate2.Translator if self.is_translator else ctranslate2.Generator
        self.opened: Any = kind(
            str(folder),
            device="cpu",
            inter_threads=workers,
            intra_threads=1,
            max_queued_batches=-1,  # a full queue would hold up who asks
        )

    def __str__(self) -> str:
        import ctranslate2

        return f"CTranslate2 {ctranslate2.__version__}"

    def begin(self, sources: Rows | None, prefixes: Rows, **options: Any) -> Iterator[Found]:
        """Begin a search for each row, and yield the hypotheses of each with their scores.

        The searches go on while others are begun. `options` are those of `translate_batch`, of
        which `min_length` and `max_length` count what follows a prefix; all prefixes are equally
        long. Scores are sums of log-probabilities, divided as the options say.
        """
        asked = self._begin(sources, prefixes, options)
        given = len(prefixes[0]) if sources is not None else 0
        return (self._found(each.result(), given) for each in asked)

    def _begin(self, sources: Rows | None, prefixes: Rows, options: dict[str, Any]) -> Any:
        given, least, most = len(prefixes[0]), options.pop("min_length"), options.pop("max_length")
        common = {"asynchronous": True, "return_scores": True, **options}
        if sources is None:
            return self.opened.generate_batch(
                [[NAMES[BEGIN], *self._target(row)] for row in prefixes],
                min_length=least,
                max_length=most,
                include_prompt_in_result=False,
                **common,
            )
        return self.opened.translate_batch(
            [self._source(row) for row in sources],
            target_prefix=[self._target(row) for row in prefixes] if given else None,
            max_input_length=0,
            min_decoding_length=given + least if least else 0,
            max_decoding_length=given + most,
            **common,
        )

    def _found(self, result: Any, given: int) -> Found:
        texts = result.hypotheses if self.is_translator else result.sequences
        rows = [[self.numbers[word] for word in text[given:]] for text in texts]
        return list(zip(rows, result.scores, strict=True))

    def log_probabilities(self, sources: Rows | None, targets: Rows) -> list[list[float]]:
        """Return for each target the log-probabilities of its tokens and of END."""
        if sources is None:
            texts = [[NAMES[BEGIN], *self._target(row), NAMES[END]] for row in targets]
            found = self.opened.score_batch(texts, max_batch_size=64)
        else:
            found = self.opened.score_batch(
                [self._source(row) for row in sources],
                [self._target(row) for row in targets],
                max_batch_size=64,
                max_input_length=0,
            )
        return [each.log_probs for each in found]

    def likely_tokens(self, sources: Rows, prefixes: Rows, rank: int) -> list[int]:
        """Return the likeliest token of this rank after each prefix, END not counted.

        All prefixes are equally long, and have a token.
        """
        given = len(prefixes[0])
        found = self.opened.translate_batch(
            [self._source(row) for row in sources],
            target_prefix=[self._target(row) for row in prefixes],
            max_input_length=0,
            return_alternatives=True,
            num_hypotheses=rank,
            max_decoding_length=given + 1,
            suppress_sequences=NEVER,
        )
        return [self.numbers[each.hypotheses[-1][given]] for each in found]

    def _source(self, row: Sequence[int]) -> list[str]:
        return [self.source_words[token] for token in row]

    def _target(self, row: Sequence[int]) -> list[str]:
        return [self.target_words[token] for token in row]


def _words(folder: Path, side: str) -> list[str]:
    files = [folder / name for name in VOCABULARIES[side]]
    file = next((each for each in files if each.is_file()), files[-1])
    words: list[str] = json.loads(file.read_text("utf-8"))
    return words
