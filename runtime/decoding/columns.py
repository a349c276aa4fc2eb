"""Matrices laid out column by column, by which a CPU multiplies few rows sooner.

A step of decoding has a row for each hypothesis, some 4 to 250. For so few, a product in float32
spends a good part of its time on gathering the columns of a matrix [outputs, inputs] that is kept
row by row; kept column by column, it takes them as they lie (docs/log.md has the times).
"""

from torch import Tensor, nn
from torch.nn import functional as F

from runtime.decoding.weights import Product, ProductWeight, replace_weights


class ColumnsWeight(ProductWeight):
    """A table that looks rows up where they lie together, and projects by its columns."""

    def prepare_product(self, bias: Tensor | None) -> Product:
        """Keeps the matrix column by column as well."""
        columns = _by_columns(self)
        return lambda x: F.linear(x, columns, bias)


def lay_out_by_columns(model: nn.Module) -> None:
    """Changes how the matrices of a network lie in memory, in place; no number changes.

    What comes after is decoding alone: tables of embeddings have no gradient any more.
    """
    modules = list(model.modules())
    tables = [module.weight for module in modules if isinstance(module, nn.Embedding)]
    replace_weights(model, ColumnsWeight, tables)
    for module in modules:
        if isinstance(module, nn.Linear) and not isinstance(module.weight, ColumnsWeight):
            module.weight.data = _by_columns(module.weight.data)


def _by_columns(matrix: Tensor) -> Tensor:
    return matrix.t().contiguous().t()
