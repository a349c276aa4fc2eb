"""Linear maps in the form in which decoding multiplies soonest: column-major, or in 8 bits.

A step of decoding has a row for each hypothesis, some 4 to 250. For so few, a product in float32
spends a good part of its time on gathering the columns of a matrix [outputs, inputs] that is kept
row by row; kept column by column, it takes them as they lie (docs/log.md has the times).
"""

import copy
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Product = Callable[[Tensor], Tensor]


class ProductWeight(nn.Parameter):
    """A matrix [outputs, inputs] that `F.linear` multiplies by in a form of its own.

    Anything but `F.linear` sees the numbers as they are, so that a table which embeds and projects
    does both.
    """

    product: Product | None
    """x [..., inputs] -> [..., outputs]; made at its first use, as many tables only embed."""

    def __new__(cls, weight: Tensor) -> Self:
        own = torch.Tensor._make_subclass(cls, weight.detach(), False)
        own.product = None
        return own

    @classmethod
    def __torch_function__(
        cls,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Called in place of any function of torch that is given such a weight."""
        with torch._C.DisableTorchFunctionSubclass():
            if func is F.linear:
                return _linear(*args, **(kwargs or {}))
            return func(*args, **(kwargs or {}))

    def prepare_product(self, bias: Tensor | None) -> Product:
        """Returns the function that replaces `F.linear` for this weight and bias."""
        raise NotImplementedError


def _linear(x: Tensor, weight: ProductWeight, bias: Tensor | None = None) -> Tensor:
    if weight.product is None:
        weight.product = weight.prepare_product(bias)
    return weight.product(x)


def replace_weights(
    model: nn.Module, kind: type[ProductWeight], matrices: Sequence[Tensor]
) -> None:
    """Puts weights of a kind in the place of matrices; one with two uses stays one."""
    own = {id(matrix): kind(matrix) for matrix in matrices}
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False, remove_duplicate=False):
            if id(parameter) in own:
                module.register_parameter(name, own[id(parameter)])


class ColumnMajorWeight(ProductWeight):
    """A table that looks rows up where they lie together, and projects by its columns."""

    def prepare_product(self, bias: Tensor | None) -> Product:
        """Keeps the matrix column by column as well."""
        columns = _column_major(self)
        return lambda x: F.linear(x, columns, bias)


def use_column_major(model: nn.Module) -> None:
    """Changes how the matrices of a network lie in memory, in place; no number changes.

    What comes after is decoding alone: tables of embeddings have no gradient any more.
    """
    modules = list(model.modules())
    tables = [module.weight for module in modules if isinstance(module, nn.Embedding)]
    replace_weights(model, ColumnMajorWeight, tables)
    for module in modules:
        if isinstance(module, nn.Linear) and not isinstance(module.weight, ColumnMajorWeight):
            module.weight.data = _column_major(module.weight.data)


def _column_major(matrix: Tensor) -> Tensor:
    return matrix.t().contiguous().t()


class Int8Weight(ProductWeight):
    """A matrix [outputs, inputs] that is multiplied by in 8-bit integers.

    Each row has a scale of its own, each input of a call one for all (dynamic quantization), and
    sums are exact integers.
    """

    def prepare_product(self, bias: Tensor | None) -> Product:
        """Rounds the weight as fbgemm wants it: -127..127, symmetric, a scale for each row."""
        scales = self.abs().amax(dim=1).clamp(min=1e-12).double() / 127
        zeros = torch.zeros_like(scales, dtype=torch.int64)
        with warnings.catch_warnings():
            # torch means to drop quantized tensors one day; every release that we support has them.
            warnings.simplefilter("ignore", UserWarning)
            rounded = torch.quantize_per_channel(self, scales, zeros, 0, torch.qint8)
            packed = torch.ops.quantized.linear_prepack(rounded, bias)
        # Seven bits for the inputs: without VNNI, pairs of products are added up in 16 bits.
        return lambda x: torch.ops.quantized.linear_dynamic(x, packed, True)


def quantized(model: nn.Module) -> nn.Module:
    """A copy of a network on the CPU, in evaluation mode, whose linear maps are in 8 bits."""
    model = copy.deepcopy(model).eval()
    matrices = [parameter for parameter in model.parameters() if parameter.dim() == 2]
    replace_weights(model, Int8Weight, matrices)
    return model
