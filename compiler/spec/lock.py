"""`spec.lock.yaml`: the spec as it was compiled, every default written out."""

from pathlib import Path

from compiler.spec.load import load
from compiler.spec.spec import Spec

LOCK = "spec.lock.yaml"


def read_lock(path: Path) -> Spec:
    """The spec that a generated package was compiled from."""
    return load(str(path)).spec
