"""The state of an optimizer as plain named tensors, as safetensors can hold them."""

from torch import Tensor, nn
from torch.optim import Optimizer


def optimizer_tensors(optimizer: Optimizer, model: nn.Module) -> dict[str, Tensor]:
    """Its tensors by parameter and kind: `embedding.weight/exp_avg` is a running mean of Adam."""
    names = _parameter_names(optimizer, model)
    states: dict[int, dict[str, Tensor]] = optimizer.state_dict()["state"]
    return {
        f"{names[index]}/{kind}": tensor
        for index, state in states.items()
        for kind, tensor in state.items()
    }


def load_optimizer_tensors(
    optimizer: Optimizer, model: nn.Module, tensors: dict[str, Tensor]
) -> None:
    """Continues from `optimizer_tensors`; rates and other settings stay the optimizer's own."""
    states: dict[int, dict[str, Tensor]] = {}
    indices = {name: index for index, name in enumerate(_parameter_names(optimizer, model))}
    for name, tensor in tensors.items():
        parameter, kind = name.rsplit("/", 1)
        states.setdefault(indices[parameter], {})[kind] = tensor
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": states, "param_groups": groups})


def _parameter_names(optimizer: Optimizer, model: nn.Module) -> list[str]:
    """In the order in which the optimizer numbers its parameters."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return [names[id(p)] for group in optimizer.param_groups for p in group["params"]]
