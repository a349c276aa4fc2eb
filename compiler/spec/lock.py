"""`spec.lock.yaml`: the spec as it was compiled, every default written out."""

from dataclasses import dataclass
from pathlib import Path

import yaml

from compiler.source.read import decoded, read_text
from compiler.source.write import Dumper
from compiler.spec.extend import read_file
from compiler.spec.library import SpecFile
from compiler.spec.load import Loaded, resolve
from compiler.spec.spec import Spec
from compiler.spec.tasks import TASKS

LOCK = "spec.lock.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class LockContent:
    """A lock whose bytes were read already. It holds everything, so that it extends no file."""

    path: Path
    content: bytes

    @property
    def name(self) -> str:
        return str(self.path)

    @property
    def identity(self) -> str:
        return str(self.path)

    def read(self) -> str:
        return decoded(self.content, self.name)

    def find(self, reference: str) -> SpecFile | None:  # noqa: ARG002
        return None

    def suggestion(self, reference: str) -> str:  # noqa: ARG002
        return "a lock holds every setting and extends nothing: bring the file back as it was"


def read_lock(path: Path) -> Spec:
    """The spec that a generated package was compiled from."""
    return load_lock(path, read_text(path).encode()).spec


def load_lock(path: Path, content: bytes) -> Loaded:
    """The spec of a lock that was read from `path`; raises `Rejected` if it is none."""
    return resolve(read_file(LockContent(path=path, content=content)))


def lock_text(spec: Spec) -> str:
    """The complete spec in one fixed order, as YAML that is a spec again."""
    values = spec.model_dump(exclude_none=True)
    for *above, key in TASKS[spec.task].without_meaning:
        section = values
        for step in above:
            section = section.get(step, {})
        section.pop(key, None)
    return yaml.dump(values, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=100)
