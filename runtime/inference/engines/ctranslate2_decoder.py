"""Decoding by CTranslate2: the search of `beam_search.py`, in C++.

Both keep the same hypotheses at each step and stop once `beam` of them are finished. All that were
found are ranked by our scores, so that every divisor of scores is honoured. Its limit is one for a
call: a sentence whose search went beyond its own limit is searched again. These things differ, and
are mended:

* Tokens that are never chosen it forbids before the softmax, and ours after it: they are forbidden
  only once they are found.
* At a limit it cuts a hypothesis where ours pays for END: END's log-probability is added.
* Below the least length, and where tokens would be repeated, it forbids tokens in the same way:
  hypotheses get their log-probabilities anew, but a beam may have kept others on the way.
* Right after a forced prefix a beam ends at once if END is the likeliest token alone: END is kept
  from that step, and the hypothesis without a token is added where ours would have found it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Self

from compiler.spec.ctranslate2_search import not_honoured, words_of
from compiler.spec.decoding import BeamSearch
from compiler.spec.spec import Spec
from runtime.data.symbols import BEGIN, PADDING
from runtime.errors import UserError
from runtime.inference.batch_decoder import (
    batches_of_equal_prefixes,
    longest_continuation,
    longest_translation,
    sentences_of_a_batch,
)
from runtime.inference.beam_search import Hypothesis, length_penalty
from runtime.inference.engines.ctranslate2_network import NEVER, CTranslate2Network, Found
from runtime.inference.engines.decoder import Rows
from runtime.inference.network import NotFinite, located

LEAST_EXPONENT = 1e-3
"""An exponent that changes no order of scores: with 0, searches end by another rule."""
ANY_NUMBER = 10**9
"""A bound on the tokens of a batch that never holds, since sentences are counted."""


def exponent_of(decoding: BeamSearch, length: int) -> float:
    """Return the exponent of lengths by which it is to choose among hypotheses that end together.

    For `gnmt` it is the one that ranks hypotheses of about this length as `gnmt` does.
    """
    exponent = decoding.length_penalty
    if decoding.normalization == "gnmt":
        exponent *= length / (5 + length)
    return max(exponent, LEAST_EXPONENT)


def refuse_not_honoured(spec: Spec) -> None:
    """Raise a UserError that names the settings of `decoding:` that it cannot honour."""
    if reasons := words_of(not_honoured(spec)):
        raise UserError(
            f"CTranslate2 cannot honour {'; '.join(reasons)}",
            help="`--engine own` does; or leave the setting out",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Search:
    """The rows of one call, which are being searched."""

    rows: list[int]
    """Their numbers."""
    sources: Rows | None
    prefixes: Rows
    limits: list[int]
    exponent: float
    """The exponent of lengths by which CTranslate2 divides scores."""
    forbids: bool
    """True if the tokens that are never chosen are forbidden."""
    found: Iterator[Found]

    @property
    def limit(self) -> int:
        """The limit of the call."""
        return max(self.limits)

    @property
    def given(self) -> int:
        """The number of tokens of a prefix."""
        return len(self.prefixes[0])

    def total(self, tokens: Sequence[int], score: float) -> float:
        """Return the sum of log-probabilities of a hypothesis with a score.

        The divisor counts a forced prefix of a translation, and END unless the text was cut.
        """
        before = self.given if self.sources is not None else 0
        length = before + len(tokens) + (len(tokens) < self.limit)
        return float(score * length**self.exponent)


class CTranslate2Decoder:
    """An export of a network, which decodes as a spec's `decoding:` describes."""

    def __init__(self, network: CTranslate2Network, spec: Spec) -> None:
        """Raises a UserError for settings of `decoding:` that it cannot honour."""
        refuse_not_honoured(spec)
        assert isinstance(spec.decoding, BeamSearch)
        self.network, self.spec, self.decoding = network, spec, spec.decoding

    def with_spec(self, spec: Spec) -> Self:
        """Return the same network with another `decoding:`."""
        return type(self)(self.network, spec)

    def decode(
        self,
        sources: Rows | None,
        *,
        prefixes: Rows | None = None,
        n_best: int = 1,
        first_line: int = 1,
        advance: Callable[[int], None] | None = None,
    ) -> list[list[Hypothesis]]:
        """Return the best hypotheses of each row, as `BatchDecoder` does."""
        given: Rows = [()] * len(sources or ()) if prefixes is None else prefixes
        lengths = [1] * len(given) if sources is None else [len(source) for source in sources]
        results = [[Hypothesis(tokens=(), score=0.0)]] * len(given)
        most = sentences_of_a_batch(self.decoding.beam)
        batches = batches_of_equal_prefixes(lengths, given, most, ANY_NUMBER)
        searches = [self._begin(sources, given, rows) for rows in batches]
        while searches:
            waiting, searches = searches, []
            for search in waiting:
                within, again = _sorted_out(search)
                for rows, forbids in again:
                    searches.append(self._begin(sources, given, rows, forbids=forbids))
                for number, found in self._scored(search, within).items():
                    row = search.rows[number]
                    with located([first_line + row]):
                        results[row] = self._ranked(found)[:n_best]
                if advance:
                    advance(len(within))
        return results

    def _begin(
        self, sources: Rows | None, prefixes: Rows, rows: list[int], *, forbids: bool = False
    ) -> _Search:
        """Begin to search rows whose prefixes are equally long.

        `forbids` says that the tokens that are never chosen are forbidden.
        """
        own = None if sources is None else [sources[row] for row in rows]
        before = [prefixes[row] for row in rows]
        given = len(before[0])
        if own is None:
            limits = [longest_continuation(self.spec, given)] * len(rows)
        else:
            limits = [longest_translation(self.spec, len(row), given) for row in own]
        exponent, limit = exponent_of(self.decoding, max(map(len, own or [()])) + 1), max(limits)
        options = self._options(limit, self._adds_an_end(own, given))
        options |= {"length_penalty": exponent, "suppress_sequences": NEVER if forbids else None}
        found = self.network.begin(own, before, **options) if limit > 0 else _nothing(rows)
        return _Search(
            rows=rows,
            sources=own,
            prefixes=before,
            limits=limits,
            exponent=exponent,
            forbids=forbids,
            found=found,
        )

    def _adds_an_end(self, sources: Rows | None, given: int) -> bool:
        """Return whether END right after a prefix is kept from the search, and added to it."""
        decoding = self.decoding
        is_begun = sources is not None and given > 0
        return is_begun and decoding.beam > 1 and decoding.min_length == 0

    def _options(self, limit: int, adds_an_end: bool) -> dict[str, Any]:
        decoding = self.decoding
        return {
            "beam_size": decoding.beam,
            "num_hypotheses": decoding.beam,
            "repetition_penalty": decoding.repetition_penalty or 1.0,
            "no_repeat_ngram_size": decoding.no_repeat_ngram or 0,
            "min_length": min(max(decoding.min_length, int(adds_an_end)), limit),
            "max_length": limit,
        }

    def _scored(self, search: _Search, found: dict[int, Found]) -> dict[int, Found]:
        """Return the hypotheses of rows with the sums of log-probabilities that ours have."""
        adds_an_end = self._adds_an_end(search.sources, search.given)
        again = adds_an_end or self._forbids
        known: dict[tuple[int, int], float] = {}
        for number, texts in found.items():
            texts[:] = [(tokens, search.total(tokens, score)) for tokens, score in texts]
            if adds_an_end:
                texts.append(([], 0.0))
            is_at_limit = search.limits[number] == search.limit
            for place, (tokens, total) in enumerate(texts):
                if again or (is_at_limit and len(tokens) == search.limit):
                    known[number, place] = total
        scores = self._log_probabilities(search, found, list(known))
        for (number, place), own in zip(known, scores, strict=True):
            tokens, own = found[number][place][0], own[search.given :]
            found[number][place] = tokens, sum(own) if again else known[number, place] + own[-1]
        if adds_an_end:
            self._end_at_once(search, found)
        return found

    def _end_at_once(self, search: _Search, found: dict[int, Found]) -> None:
        """Keep hypotheses as if the search could have ended right after the prefix.

        The last of each row is the one without a token. If END is not among the `beam` best first
        tokens, it is none; else the search needs one of the others less.
        """
        beam, rows = self.decoding.beam, list(found)
        assert search.sources is not None
        sources, prefixes = (
            [each[row] for row in rows] for each in (search.sources, search.prefixes)
        )
        last = self.network.likely_tokens(sources, prefixes, beam)
        read = [[*prefix, token] for prefix, token in zip(prefixes, last, strict=True)]
        scores = self.network.log_probabilities(sources, read)
        for row, score in zip(rows, scores, strict=True):
            *others, ended = found[row]
            if ended[1] < score[search.given]:
                found[row] = others
                continue
            lengths = sorted(len(tokens) for tokens, _ in others)
            longest = lengths[min(beam - 1, len(lengths)) - 1]
            found[row] = [ended, *(each for each in others if len(each[0]) <= longest)]

    @property
    def _forbids(self) -> bool:
        """True if tokens may be forbidden on the way: scores are no log-probabilities then."""
        decoding = self.decoding
        is_changed = decoding.repetition_penalty not in (None, 1.0)
        return not is_changed and (decoding.min_length > 0 or decoding.no_repeat_ngram is not None)

    def _log_probabilities(
        self, search: _Search, found: dict[int, Found], places: list[tuple[int, int]]
    ) -> list[list[float]]:
        """The log-probabilities of prefix, tokens and END of the hypotheses at some places."""
        if not places:
            return []
        sources = search.sources and [search.sources[number] for number, _ in places]
        targets = [[*search.prefixes[row], *found[row][place][0]] for row, place in places]
        return self.network.log_probabilities(sources, targets)

    def _ranked(self, found: Found) -> list[Hypothesis]:
        """Return all hypotheses, the best by our scores first. Raises NotFinite."""
        hypotheses = [
            Hypothesis(
                tokens=tuple(tokens), score=total / length_penalty(len(tokens) + 1, self.decoding)
            )
            for tokens, total in found
        ]
        if not all(isfinite(each.score) for each in hypotheses):
            raise NotFinite(0)
        return sorted(hypotheses, key=lambda each: -each.score)


def _nothing(rows: list[int]) -> Iterator[Found]:
    """Yield the only hypothesis of each row that has no room for a token."""
    for _ in rows:
        yield [([], 0.0)]


def _sorted_out(search: _Search) -> tuple[dict[int, Found], list[tuple[list[int], bool]]]:
    """Wait for a search -> what it found, by number, and rows that are to be searched again.

    The latter went beyond their limits, and stand together with those of the same limit; or a token
    was found that is never chosen, which then is to be forbidden.
    """
    within: dict[int, Found] = {}
    again: dict[tuple[int, bool], list[int]] = defaultdict(list)
    for number, found in enumerate(search.found):
        limit = search.limits[number]
        is_odd = any(symbol in tokens for tokens, _ in found for symbol in (PADDING, BEGIN))
        if any(len(tokens) > limit for tokens, _ in found) or is_odd:
            again[limit, search.forbids or is_odd].append(search.rows[number])
        else:
            within[number] = found
    return within, [(rows, forbids) for (_, forbids), rows in again.items()]
