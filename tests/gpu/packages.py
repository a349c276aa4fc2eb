"""Packages of the library, compiled and imported in this process."""

from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Literal

from compiler.pipeline import compile_spec
from runtime.package import Package, import_package

Precision = Literal["float32", "bfloat16"]


@lru_cache(maxsize=2)
def compiled(name: str, settings: tuple[str, ...] = ()) -> Package:
    """Return the package of a spec of the library, with `--set` settings."""
    files = compile_spec(name, settings).files
    return import_package(Path(name), {file: text.encode() for file, text in files.items()})


def with_training(package: Package, **training: object) -> Package:
    """Return a package whose recipe has other settings; its code stays as it is."""
    changed = package.spec.training.model_copy(update=training)
    return replace(package, spec=package.spec.model_copy(update={"training": changed}))
