"""Tables of tokens as wide as the stream that reads them, and an output projection of its own."""

from torch import Tensor

from compiler.export.coordinates import with_embedding
from compiler.spec.spec import Spec
from compiler.spec.tasks import SIDES
from runtime.weights.files import Tensors


def with_own_tables(spec: Spec, tensors: Tensors) -> tuple[Spec, Tensors]:
    """Return a network whose source, target and output have tables of their own, all of them whole.

    Narrow tables (`embedding.width`) are multiplied by the maps that lead to the stream and back.
    A language model has one table of its tokens, and one of its output.
    """
    found = {key: tensor for key, tensor in tensors.items() if not _is_table(key)}
    if spec.model.encoder is None:
        found["embedding.weight"] = _read(tensors, "target")
    else:
        found |= {f"{side}_embedding.weight": _read(tensors, side) for side in SIDES.values()}
    found["projection.weight"] = _projection(tensors)
    return with_embedding(spec, tied="none", width=None), found


def _is_table(name: str) -> bool:
    first = name.partition(".")[0]
    tables = ("embedding", "source_embedding", "target_embedding")
    return first in (*tables, *(f"{each}_expansion" for each in tables)) or first in (
        "projection",
        "output_reduction",
    )


def _read(tensors: Tensors, side: str) -> Tensor:
    """The vectors of the tokens of a side, as wide as its stream."""
    name = "embedding" if "embedding.weight" in tensors else f"{side}_embedding"
    expansions = (f"{side}_embedding_expansion.weight", f"{name}_expansion.weight")
    table = tensors[f"{name}.weight"]
    expansion = next((tensors[each] for each in expansions if each in tensors), None)
    return table if expansion is None else table @ expansion.T


def _projection(tensors: Tensors) -> Tensor:
    """The vectors by which features are multiplied."""
    names = ("projection.weight", "target_embedding.weight", "embedding.weight")
    table = next(tensors[each] for each in names if each in tensors)
    reduction = tensors.get("output_reduction.weight")
    return table if reduction is None else table @ reduction
