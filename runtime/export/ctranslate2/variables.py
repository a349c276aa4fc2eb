"""The variables of CTranslate2 from our tensors, by the map of their names."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from torch import Tensor

import compiler.export
from compiler.source.node import Scalar
from compiler.weights.map import Entry, ImportMap, read_map
from compiler.weights.names import bindings, filled

MAP = Path(compiler.export.__file__).with_name("ctranslate2.yaml")


def variables(
    tensors: Mapping[str, Tensor], is_gated: Callable[[str], bool]
) -> Iterator[tuple[str, Tensor]]:
    """Yield the variables that hold our tensors, or equal parts of them, by their names there.

    `is_gated` tells of the name of a tensor whether its parts are variables of their own. Tensors
    of which the map does not speak are left out.
    """
    map = read_map(MAP)
    parts = _parts(map)
    for entry in map.entries:
        for name, binding in bindings(entry.pattern, tensors):
            if (entry.pattern in parts and is_gated(name)) != (entry.slice is not None):
                continue
            assert isinstance(entry.value, Scalar)
            yield filled(str(entry.value.value), binding), _part(tensors[name], entry, parts)


def _parts(map: ImportMap) -> dict[str, list[str]]:
    """The parts of each tensor that has some, in the order of their rows."""
    found: dict[str, list[str]] = {}
    for entry in map.entries:
        if entry.slice is not None:
            found.setdefault(entry.pattern, []).append(entry.slice)
    return found


def _part(tensor: Tensor, entry: Entry, parts: Mapping[str, list[str]]) -> Tensor:
    if entry.slice is None:
        return tensor
    names = parts[entry.pattern]
    return tensor.chunk(len(names))[names.index(entry.slice)]
