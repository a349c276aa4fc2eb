"""A map to fill in: all names of a model, with what each takes, and below them those of files."""

from collections.abc import Iterable, Iterator, Mapping

from compiler.weights.names import general
from compiler.weights.parameters import NamedParameter
from compiler.weights.piece import parts
from compiler.weights.shape import Shape, Stored, words

Named = tuple[str, Shape]


def skeleton(parameters: Iterable[NamedParameter], files: Mapping[str, Stored]) -> str:
    """The text of a map without right sides; the names of the files' tensors are comments."""
    ours = _aligned([part for each in parameters for part in parts(each)], ":")
    theirs = _aligned([(name, stored.shape) for name, stored in files.items()], "")
    head = ["# the tensors of the files"] if theirs else []
    lines = ["tensors:", *(f"  {line}" for line in ours), *head, *(f"# {line}" for line in theirs)]
    return "".join(f"{line}\n" for line in lines)


def _aligned(tensors: Iterable[Named], end: str) -> list[str]:
    """`NAME:   # 512 rows of 512, 6 times`: a line for equal tensors of all layers."""
    lines = list(_grouped(tensors))
    width = max((len(name) for name, _ in lines), default=0) + len(end)
    return [f"{name + end:<{width}}  # {meaning}" for name, meaning in lines]


def _grouped(tensors: Iterable[Named]) -> Iterator[tuple[str, str]]:
    groups: dict[str, list[Named]] = {}
    for name, shape in tensors:
        groups.setdefault(general(name), []).append((name, shape))
    for pattern, members in groups.items():
        if len({shape for _, shape in members}) > 1:
            yield from ((name, words(shape)) for name, shape in members)
        else:
            times = f", {len(members)} times" if len(members) > 1 else ""
            yield pattern, f"{words(members[0][1])}{times}"
