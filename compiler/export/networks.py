"""The network of a complete spec that is no file."""

from collections.abc import Mapping
from pathlib import Path

import yaml

from compiler.pipeline import build, passes
from compiler.source.write import Dumper
from compiler.spec.load import Loaded
from compiler.spec.lock import LOCK, load_lock, lock_text
from compiler.spec.spec import Spec
from compiler.weights.parameters import NamedParameter, named_parameters


def loaded_again(spec: Spec) -> Loaded:
    """Return a complete spec with places, those of its lock; raises `Rejected` if it is none."""
    return load_lock(Path(LOCK), lock_text(spec).encode())


def loaded_from(values: Mapping[str, object], name: str) -> Loaded:
    """Return the complete spec of some settings; raises `Rejected` if they are none.

    `name` is that of the file which messages name.
    """
    text = yaml.dump(dict(values), Dumper=Dumper, sort_keys=False, allow_unicode=True)
    return load_lock(Path(name), text.encode())


def parameters_of_spec(spec: Spec) -> list[NamedParameter]:
    """Return the parameters of the network of a complete spec."""
    return list(named_parameters(build(loaded_again(spec), passes())))
