"""Matrices that multiply in another form than they are kept in."""

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
        """What `F.linear` with this weight and bias is from now on."""
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
