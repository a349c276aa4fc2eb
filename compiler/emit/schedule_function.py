"""Functions of the update in a generated `training.py`, which can be called without torch."""

import ast
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any


def schedule_function(files: Mapping[str, str], name: str) -> Callable[[int], float]:
    """Return a function of the number of an update, counted from 1, such as `learning_rate`.

    It is the package's own code: of `training.py` the function and the constants, and of `model.py`
    the constants that `training.py` imports. `files` must be what the compiler has just written:
    they are run.
    """
    training = ast.parse(files["training.py"])
    imported = {
        name.name
        for node in training.body
        if isinstance(node, ast.ImportFrom) and node.module == "model"
        for name in node.names
    }
    width = [node for name, node in _constants(ast.parse(files["model.py"])) if name in imported]
    own = [node for _, node in _constants(training)]
    function = [
        node for node in training.body if isinstance(node, ast.FunctionDef) and node.name == name
    ]
    names: dict[str, Any] = {"math": math}
    module = ast.Module(body=[*width, *own, *function], type_ignores=[])
    exec(compile(module, "training.py", "exec"), names)
    found: Callable[[int], float] = names[name]
    return found


def _constants(module: ast.Module) -> Iterator[tuple[str, ast.stmt]]:
    """Yield the assignments to names in capitals, with these names."""
    for node in module.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                if name.isupper():
                    yield name, node
