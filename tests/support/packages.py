"""Random specs as files, and generated packages as modules."""

import importlib.util
import sys
from itertools import count
from pathlib import Path
from types import ModuleType

import yaml

from compiler.pipeline import CompiledPackage, compile_spec
from tests.support.knobs import Tree

_NUMBERS = count()


def compile_tree(tree: Tree, folder: Path) -> CompiledPackage:
    """The compiled package of a spec that is given as a tree."""
    path = folder / "random.yaml"
    path.write_text(yaml.safe_dump(tree, sort_keys=False))
    return compile_spec(str(path))


def import_package(package: CompiledPackage, folder: Path) -> ModuleType:
    """The package written to a folder of its own and imported under a name of its own."""
    name = f"generated_{next(_NUMBERS)}"
    target = folder / name
    package.write(target)
    spec = importlib.util.spec_from_file_location(name, target / "__init__.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
