"""The cases of the benchmark of decoding: a network, a search and sentences each."""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.architecture import SIZES, compile_size
from benchmarks.command import TEST, text_settings
from benchmarks.engines.engine import Network, Search
from benchmarks.networks import seeded_network, trained_network
from runtime.data.pairs import load_pairs

BATCH_SENTENCES = 64
BEAM = 4
WORKERS = {"cpu": 2, "cuda": 1}
KINDS = {
    "greedy": "greedy",
    "beam": f"beam {BEAM}",
    "single": f"beam {BEAM}, one sentence at a time",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One line of the table."""

    name: str
    network: Network
    search: Search
    sources: list[list[int]]
    """Without END."""

    @property
    def is_forced(self) -> bool:
        """Whether all translations have one length."""
        return self.search.shortest == self.search.longest

    @property
    def is_exact(self) -> bool:
        """Whether rounding hardly ever decides between two tokens."""
        return not self.search.is_bfloat16


def cases(options: argparse.Namespace, folder: Path) -> Iterator[Case]:
    """Trained weights first, then random ones of each size; their files are made in `folder`."""
    if options.run is not None:
        network = trained_network(options.run, options, folder)
        yield from _searches(
            f"{network.architecture.size}, trained", network, (0, options.longest), options
        )
    for size in options.size:
        compiled = compile_size(
            SIZES[size], dropout=0.0, attention_dropout=0.0, settings=text_settings(options)
        )
        network = seeded_network(compiled, TEST, options, folder / size)
        length = options.length
        yield from _searches(f"{size}, {length} tokens", network, (length, length), options)


def _searches(
    name: str, network: Network, lengths: tuple[int, int], options: argparse.Namespace
) -> Iterator[Case]:
    """The kinds of search that the user wants, all with the same network."""
    pairs = load_pairs(network.pairs)
    for kind in options.case:
        count = options.single_sentences if kind == "single" else options.sentences
        yield Case(
            name=f"{name}: {KINDS[kind]}",
            network=network,
            search=_search(kind, lengths, options),
            sources=[pairs.source(row)[:-1].tolist() for row in range(min(count, len(pairs)))],
        )


def _search(kind: str, lengths: tuple[int, int], options: argparse.Namespace) -> Search:
    changes: dict[str, Any] = {"greedy": {"beam": 1}, "beam": {}, "single": {"batch_sentences": 1}}
    search = Search(
        beam=BEAM,
        shortest=lengths[0],
        longest=lengths[1],
        batch_sentences=BATCH_SENTENCES,
        workers=WORKERS[options.device],
        is_bfloat16=options.device == "cuda",
    )
    return replace(search, **changes[kind])
