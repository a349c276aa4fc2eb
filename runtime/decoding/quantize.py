"""Linear maps in 8-bit integers, for a CPU: weights rounded once, inputs at each call."""

import copy
import warnings

import torch
from torch import Tensor, nn

from runtime.decoding.weights import Product, ProductWeight, replace_weights


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
