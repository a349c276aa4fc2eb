"""Packed batches are trained with only if `packed.py` computes what `model.py` computes.

One of the two files may have been edited by hand, or the device may lack the kernel.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from runtime.data.batches import Batch, Examples
from runtime.data.packing import Packing
from runtime.errors import UserError
from runtime.package import MODEL, PACKED, Package, packed_module
from runtime.training.batching import padded_kind
from runtime.training.computation import Computation
from runtime.training.objective import training_objective

COMPARED = 16
"""The examples of which both files compute features."""
TOLERANCE = {"float32": 1e-3, "bfloat16": 0.05}
"""The root mean square of the difference, against that of the features."""


def settled(
    computation: Computation,
    package: Package,
    examples: Examples,
    device: torch.device,
    report: Callable[[str], None],
) -> Computation:
    """Return choices with padded batches in place of packed ones that cannot be trained with."""
    if computation.batching != "packed":
        return computation
    if PACKED not in package.files:
        reason = f"the package has no {PACKED}; `specformer check` with `batching: packed` says why"
    elif (wrong := difference(computation, package, examples, device)) is not None:
        reason = wrong
        report(f"warning: {reason}: padded batches are used")
    else:
        return computation
    return replace(computation, batching=padded_kind(device), batching_reason=reason)


def difference(
    computation: Computation, package: Package, examples: Examples, device: torch.device
) -> str | None:
    """Return what is wrong with the features of packed sentences; None if nothing is."""
    joined = examples.joined(np.argsort(examples.sizes, kind="stable")[:COMPARED])
    packing = Packing.exact(joined)
    try:
        packed_module(package.model_class)
        padded, packed = (
            features(computation, package, batch, device)
            for batch in (joined.padded(), packing.lay_out(joined))
        )
    except UserError as error:
        return str(error)
    except (RuntimeError, ValueError, TypeError, AttributeError) as error:
        return f"{PACKED} fails: {type(error).__name__}: {str(error).splitlines()[0]}"
    if padded.shape == packed.shape:
        wrong = (packed - padded).square().mean().sqrt() / padded.square().mean().sqrt()
        if wrong <= TOLERANCE[computation.precision]:
            return None
    return (
        f"{PACKED} does not compute what {MODEL} computes, as if one of them had been edited "
        "(`specformer compile` writes both anew)"
    )


def features(
    computation: Computation, package: Package, batch: Batch, device: torch.device
) -> Tensor:
    """Return the features [labels, width] by which a new network predicts the labels of a batch."""
    torch.manual_seed(package.spec.training.seed)
    model = package.model_class().to(device).eval()
    plain = package.spec.training.model_copy(update={"compile": False})
    objective = training_objective(model, package.training_module, plain, device, computation)
    with torch.no_grad():
        return objective.label_features(objective.moved(batch)).float()
