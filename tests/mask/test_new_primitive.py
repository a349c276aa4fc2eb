"""A new primitive is one class and one entry in the table of primitives, and nothing else."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.mask import parse as parsing
from compiler.mask.condition import Arguments, Condition
from compiler.mask.parse import parse
from compiler.mask.primitives import PRIMITIVES, primitive
from compiler.mask.relation import empty_row, later_read, rows
from compiler.ops.op import Cache, Predicate
from tests.support.knobs import Tree
from tests.support.masks import Written, both, either, negated, primitives
from tests.support.packages import compile_tree, import_package

pytestmark = pytest.mark.quick

LENGTH, ROWS, STEPS = 13, 11, 40


class Even(Condition):
    """The offset between query and key is even; the primitive has no number."""

    __slots__ = ()
    name, meaning, example = "even", "every second, counted from itself", 2
    forms = ("(i - j) % {n} == 0", "(i - j) % {n} != 0")

    @classmethod
    def read(cls, arguments: Arguments) -> "Even":  # noqa: ARG003
        return cls(2)

    @property
    def text(self) -> str:
        return "even"

    @property
    def step(self) -> int:
        return 2


class Turns(Condition):
    """Blocks of n positions take turns: the keys of every other one are read."""

    __slots__ = ()
    name, meaning, example = "turns", "every other block of n", 2
    forms = ("j // {n} % 2 == 0", "j // {n} % 2 != 0")

    @property
    def is_lasting(self) -> bool:
        return True

    @property
    def period(self) -> int:
        return 2 * self.number


EVEN = Written("even", lambda i, j, _: (i - j) % 2 == 0)
TURNS = [Written(f"turns({n})", lambda _, j, __, n=n: j // n % 2 == 0) for n in (1, 2, 3)]
CAUSAL = Written("causal", lambda i, j, _: j <= i)


@pytest.fixture(autouse=True, scope="module")
def in_the_table() -> Iterator[None]:
    """Enters the two primitives."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PRIMITIVES, Even.name, primitive(Even))
        patch.setitem(PRIMITIVES, Turns.name, primitive(Turns))
        yield
    parsing._outcome.cache_clear()


def masks() -> st.SearchStrategy[Written]:
    """Masks of the new primitives and the usual ones."""
    return st.recursive(
        st.sampled_from([EVEN, *TURNS]) | primitives(),
        lambda below: st.one_of(
            st.builds(both, below, below),
            st.builds(either, below, below),
            st.builds(negated, below),
        ),
        max_leaves=5,
    )


def relation(written: Written, length: int) -> list[int]:
    """The rows of a mask by its plain definition."""
    return [sum(written.reads(i, j, length) << j for j in range(length)) for i in range(length)]


@settings(max_examples=300)
@given(masks(), st.integers(1, LENGTH))
def test_it_is_parsed_and_printed(written: Written, length: int) -> None:
    mask = parse(written.text)
    assert list(rows(mask, length)) == relation(written, length)
    assert parse(mask.text) == mask


@settings(max_examples=200)
@given(masks())
def test_what_is_forgotten_is_never_read_again(written: Written) -> None:
    causal = both(CAUSAL, written)
    kept = parse(causal.text).still_needed().predicate
    for i in range(LENGTH):
        for j in range(i + 1):
            later = any(causal.reads(k, j, LENGTH) for k in range(i, LENGTH))
            assert kept(i, j) or not later


@settings(max_examples=200)
@given(masks())
def test_it_is_proved_by_the_finite_search(written: Written) -> None:
    """The empty row and the read position that are found are those of the plain definitions."""
    lengths = range(1, 2 * LENGTH)
    found = empty_row(parse(written.text))
    empty = [(i, n) for n in lengths for i, row in enumerate(relation(written, n)) if not row]
    assert (found is not None) or not empty
    assert found is None or not relation(written, found[1])[found[0]]
    if "last" not in written.text:
        ahead = later_read(parse(written.text))
        assert ahead is None or written.reads(*ahead, 0)
        read = [
            i for i in range(LENGTH) for j in range(i + 1, 3 * LENGTH) if written.reads(i, j, 0)
        ]
        assert ahead is not None or not read


@pytest.mark.parametrize(
    "text",
    ["window(3) & turns(2)", "turns(2)", "window(1) | turns(3)", "window(3) & strided(3)"],
)
def test_the_most_that_is_kept_is_the_largest_need_of_any_query(text: str) -> None:
    cache = Cache(reads=Predicate(place="decoder", mask=parse(f"causal & ({text})")))
    assert cache.keeps is not None
    keeps = cache.keeps.mask.predicate
    needs = [sum(keeps(i, j) for j in range(i + 1)) for i in range(200)]
    assert cache.most in (None, max(needs))
    assert max(needs[-12:]) == cache.positions(200)


def spec(mask: str) -> Tree:
    """A language model of one layer."""
    return {
        "name": "some-model",
        "task": "language_model",
        "model": {
            "d_model": 8,
            "vocabulary": {"size": ROWS},
            "attention": {"heads": 2},
            "feed_forward": {"d_ff": 8},
            "decoder": {"layers": 1, "self_attention": {"mask": mask}},
        },
        "data": {"train": {"text": "a"}, "valid": {"text": "b"}, "test": {"text": "c"}},
        "training": {"batch_tokens": 1000, "steps": 5000},
    }


@pytest.mark.parametrize(
    ("mask", "written", "cache"),
    [
        ("causal & even", both(CAUSAL, EVEN), "DilatedCache"),
        ("causal & (turns(2) | window(1))", None, "RollingCache"),
    ],
)
def test_it_is_compiled_and_executed(
    mask: str, written: Written | None, cache: str, tmp_path: Path
) -> None:
    """Decoding step by step agrees with the whole, and gradients with the definition."""
    torch.manual_seed(0)
    package = compile_tree(spec(mask), tmp_path)
    model = import_package(package, tmp_path).Model().eval()
    assert f"class {cache}" in package.files["model.py"]
    target = torch.randint(1, ROWS, (1, STEPS))
    features = model.features(target)
    state, parent = model.start(target), torch.zeros(1, 1, dtype=torch.long)
    steps = [model.step(target[:, i : i + 1], parent, state)[:, 0] for i in range(STEPS)]
    torch.testing.assert_close(torch.stack(steps, dim=1), features, atol=1e-5, rtol=1e-4)
    if written is not None:
        assert read(model, target[:, :LENGTH]) == relation(written, LENGTH)


def read(model: Any, target: torch.Tensor) -> list[int]:
    """The rows of the relation by gradients of the only layer."""
    embedded: list[torch.Tensor] = []
    model.embedding.register_forward_hook(lambda _, __, output: embedded.append(output))
    features, found = model.features(target), []
    for i in range(target.size(1)):
        chosen = features[0, i] @ torch.randn(features.size(-1))
        (gradient,) = torch.autograd.grad(chosen, embedded[-1], retain_graph=True)
        found.append(sum(1 << j for j in range(target.size(1)) if gradient[0, j].any()))
    return found
