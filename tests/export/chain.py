"""One network by all ways to compute it: its own, and those of the formats that it is exported to.

`python -m tests.export.chain 100 --out table.md` tries that many random specs, and writes a table
of the largest difference by each link of the chain. `--first N` begins with a later spec, and
`--compile` adds `torch.compile`.
"""

import argparse
import secrets
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from compiler.page.markdown import table
from compiler.pipeline import CompiledPackage
from runtime.data.symbols import BEGIN, END
from runtime.export.comparison import largest_difference
from runtime.export.exporter import Exported, ExportedDecoder, ExportedEncoder, Options, Rows
from runtime.export.exporters import EXPORTERS
from runtime.export.own_network import OwnNetwork
from runtime.export.source import Exportable
from runtime.package import features_of
from tests.export.random_runs import able, is_right, random_run, random_texts, trees
from tests.support.knobs import Tree

BOUND = 1e-5
"""The largest difference of a link, of numbers up to 1, that float32 explains; or what follows."""
ROUNDING = 30.0
"""A link may also differ by so many times what the network in float32 differs from float64."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The difference of one network by one link."""

    spec: str
    link: str
    difference: float
    bound: float
    error: str = ""

    @property
    def is_right(self) -> bool:
        return not self.error and self.difference <= self.bound


@dataclass(slots=True, kw_only=True)
class Chain:
    """One network, the texts that it reads, and the numbers of its own forward pass."""

    name: str
    package: CompiledPackage
    exportable: Exportable
    folder: Path
    own: OwnNetwork = field(init=False)
    sources: Rows = field(init=False)
    targets: Rows = field(init=False)

    def __post_init__(self) -> None:
        self.own = OwnNetwork.of(self.exportable)
        self.sources, self.targets = random_texts(self.exportable)

    @property
    def writes(self) -> bool:
        return self.own.spec.model.decoder is not None

    @property
    def reads(self) -> bool:
        return self.own.spec.model.encoder is not None

    def numbers(self, exported: Exported) -> list[Tensor]:
        """Return log-probabilities of the targets, or what is made of the sources."""
        if self.writes:
            assert isinstance(exported, ExportedDecoder)
            return exported.log_probabilities(self.sources if self.reads else None, self.targets)
        assert isinstance(exported, ExportedEncoder)
        found = exported.outputs(self.sources)
        is_vector = self.own.spec.model.pooling is not None
        return found if is_vector else [each.log_softmax(-1) for each in found]

    def steps(self, *, compiles: bool = False, without: Collection[str] = ()) -> Iterator[Step]:
        """Yield the difference by each link that the network can go, `without` some formats."""
        eager = self.numbers(self.own)
        largest = max([1.0, *(float(each.abs().max()) for each in eager)])
        exact = largest_difference(eager, _in_float64(self))
        bound = max(BOUND * largest, ROUNDING * exact)
        links: dict[str, Callable[[], list[Tensor]]] = {}
        if self.writes:
            links |= {"cached": lambda: cached(self), "prefill": lambda: prefilled(self)}
        if compiles:
            links["compiled"] = lambda: compiled(self)
        for name in (each for each in able(self.package) if each not in without):
            links[name] = lambda name=name: self.numbers(self.exported(name))  # type: ignore[misc]
        for link, compute in links.items():
            yield self._step(link, compute, eager, bound)

    def _step(
        self, link: str, compute: Callable[[], list[Tensor]], eager: list[Tensor], bound: float
    ) -> Step:
        difference, error = float("nan"), ""
        try:
            difference = largest_difference(eager, compute())
        except Exception as problem:
            error = f"{type(problem).__name__}: {problem}".splitlines()[0][:200]
            traceback.print_exc(limit=-4)
        return Step(spec=self.name, link=link, difference=difference, bound=bound, error=error)

    def exported(self, name: str) -> Exported:
        """Return the network exported to a format, opened by the library of the format."""
        folder = self.folder / f"{name}-{secrets.token_hex(4)}"  # transformers keeps code by names
        folder.mkdir()
        EXPORTERS[name].write(self.exportable, folder, Options())
        return EXPORTERS[name].load(folder, self.exportable)


def _in_float64(chain: Chain) -> list[Tensor]:
    """Return the numbers of the network in float64: what rounding changes."""
    model = chain.exportable.model().double()
    previous = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        own = OwnNetwork(model=model, spec=chain.own.spec, tokenizers=chain.own.tokenizers)
        return chain.numbers(own)
    finally:
        torch.set_default_dtype(previous)


def compiled(chain: Chain) -> list[Tensor]:
    """Return the numbers of the network whose features Inductor compiles."""
    model = chain.exportable.model()
    features = torch.compile(features_of(model), dynamic=True)
    model.features = features  # type: ignore[assignment]
    own = OwnNetwork(model=model, spec=chain.own.spec, tokenizers=chain.own.tokenizers)
    return chain.numbers(own)


@torch.inference_mode()
def cached(chain: Chain) -> list[Tensor]:
    """Return the numbers of `start` and `step`, token by token."""
    return [
        torch.stack([_next(model, state, token) for token in (BEGIN, *target)])[
            torch.arange(len(target) + 1), [*target, END]
        ]
        for model, state, target in _begun(chain)
    ]


@torch.inference_mode()
def prefilled(chain: Chain) -> list[Tensor]:
    """Return the numbers of `step` after `prefill` has read the first half of a text.

    Those of this half are the network's own.
    """
    eager, found = chain.numbers(chain.own), []
    for row, (model, state, target) in enumerate(_begun(chain)):
        text, half = [BEGIN, *target], (len(target) + 1) // 2
        if half:
            model.prefill(torch.tensor([text[:half]]), state)
        rest = torch.stack([_next(model, state, token) for token in text[half:]])
        labels = [*target, END][half:]
        own = rest[torch.arange(len(labels)), labels]
        found.append(torch.cat((eager[row][:half], own)))
    return found


def _begun(chain: Chain) -> Iterator[tuple[Any, Any, Sequence[int]]]:
    """Yield for each target the network, its state before the first step, and the target."""
    model: Any = chain.own.model
    for source, target in zip(chain.sources, chain.targets, strict=True):
        read = torch.tensor([[*source, END]] if chain.reads else [[BEGIN]])
        yield model, model.start(read), target


def _next(model: Any, state: Any, token: int) -> Tensor:
    """Return the log-probabilities [vocabulary] of what follows a token."""
    one = torch.tensor([[token]])
    features = model.step(one, torch.zeros_like(one), state)
    scores: Tensor = model.project(features)[0, 0].log_softmax(-1)
    return scores


def chain_of(number: int, tree: Tree, folder: Path) -> Chain:
    """Return the chain of a random spec, whose run is made in a folder."""
    package, exportable = random_run(tree, folder)
    place = folder / "exports"
    place.mkdir()
    name = f"{number} ({package.spec.task})"
    return Chain(name=name, package=package, exportable=exportable, folder=place)


def chains(count: int, first: int, folder: Path) -> Iterator[Chain]:
    """Yield the chains of the right ones among random specs."""
    for number, tree in enumerate(trees(count)):
        place = folder / f"{number}"
        place.mkdir()
        if number >= first and is_right(tree, place):
            yield chain_of(number, tree, place)


def tabulated(steps: Sequence[Step]) -> str:
    """Return a table of the links: how many networks went it, and how far they are apart."""
    rows = []
    for link in dict.fromkeys(each.link for each in steps):
        own = [each for each in steps if each.link == link]
        right = [each for each in own if not each.error]
        worst = max(right, key=lambda each: each.difference / each.bound, default=None)
        largest = f"{max(each.difference for each in right):.1e}" if right else ""
        share = f"{worst.difference / worst.bound:.2f} (spec {worst.spec})" if worst else ""
        wrong = [each for each in own if not each.is_right]
        rows.append((link, f"{len(own)}", largest, share, f"{len(wrong)}"))
    heads = ("eager beside", "networks", "largest difference", "largest share of bound", "wrong")
    return table(heads, rows)


def main() -> None:
    """Try random specs, print each step, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    steps: list[Step] = []
    with tempfile.TemporaryDirectory(prefix="specformer-chain-") as folder:
        for chain in chains(given.count, given.first, Path(folder)):
            for step in chain.steps(compiles=given.compile):
                steps.append(step)
                sign = "" if step.is_right else "  WRONG"
                words = f"{step.difference:.1e} of {step.bound:.1e} {step.error}"
                print(f"{time.strftime('%H:%M:%S')} {step.spec} {step.link}: {words}{sign}")
                sys.stdout.flush()
            torch._dynamo.reset()
            if given.out:
                given.out.write_text(tabulated(steps), "utf-8")
    print(tabulated(steps))


if __name__ == "__main__":
    main()
