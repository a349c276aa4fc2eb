"""What a run must have in common with those beside it, as hashes."""

import hashlib
import json
from collections.abc import Mapping

from compiler.spec.lock import LOCK
from compiler.spec.spec import Spec
from runtime.ablation.record import Locked
from runtime.data.prepare import file_digests


def data_hash(spec: Spec) -> str:
    """The hash of `data:` and of the bytes of its files, wherever they lie.

    Raises a UserError if one cannot be read.
    """
    files = file_digests(spec).items()
    digests = {part: [digest for _, digest in of_part] for part, of_part in files}
    return _hash({"settings": spec.data.without_places(), "files": digests})


def lock(spec: Spec, files: Mapping[str, bytes], data: str) -> Locked:
    """Of a package's spec and files; `data` is the hash of its data.

    The code is all but the lock, so that the runs of a row with several seeds have the same.
    """
    code = {name: _digest(content) for name, content in files.items() if name != LOCK}
    return Locked(
        spec=_digest(files[LOCK]),
        code=_hash(code),
        data=data,
        protocol=_hash({"task": spec.task, "evaluation": spec.evaluation.model_dump()}),
    )


def _hash(content: object) -> str:
    return _digest(json.dumps(content, sort_keys=True).encode())


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
