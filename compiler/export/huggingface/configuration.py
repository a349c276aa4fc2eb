"""The config.json that a family has for a spec, and the spec that it means when read again."""

import json
from typing import Any

from compiler.export.coordinates import positions_of
from compiler.export.huggingface.settings import look_up
from compiler.export.huggingface.writings import WRITINGS, Config
from compiler.export.networks import loaded_from
from compiler.source.diagnostic import Diagnostic, Rejected
from compiler.source.node import Mapping
from compiler.source.read import read
from compiler.source.span import Source
from compiler.spec.spec import Spec
from compiler.spec.tasks import TASKS
from compiler.weights.config import Config as Configuration
from compiler.weights.family import Family, Meaning, common
from compiler.weights.imported_spec import understand
from compiler.weights.settings_tree import look

FILE = "config.json"
MISSING = 1
"""The value of a key that a class needs, and that a spec has no setting for."""
LONGEST = "data.max_length"
LENGTH = "model.embedding.position.max_length"
"""The setting of which a family has the number of positions where ours has no table."""


def configuration(spec: Spec, family: Family, base: Config | None = None) -> Config:
    """Return the keys of config.json by which a family says a spec, as far as it can.

    `base` are keys of a file that the spec was imported from: those that the spec does not decide
    stay as they are.
    """
    found: Config = {**(base or {})}
    found["model_type"] = found.get("model_type", family.model_types[0])
    for key in family.keys:
        meaning = family.meaning(key)
        assert meaning is not None
        own = look_up(spec, meaning.paths[0])
        value = _foreign(own, meaning, found.get(key))
        if meaning.paths == [LONGEST]:  # a bound on texts, which changes nothing that is computed
            value = found.get(key, positions_of(spec))
        if value is not None or (meaning.may_be_null and own is None):
            found[key] = value
        elif "default" not in meaning.model_fields_set:
            found.setdefault(key, positions_of(spec) if LENGTH in meaning.paths else MISSING)
        elif meaning.default is None or meaning.paths[0].startswith("model."):
            found.pop(key, None)
    for name in family.readings:
        WRITINGS[name](spec, found)
    return found


def _foreign(value: Any, meaning: Meaning, usual: Any) -> Any:
    """Return a value of ours as a family writes it; None if it cannot."""
    table = common().values[meaning.values] if isinstance(meaning.values, str) else meaning.values
    if table is None:
        return value
    words = [word for word, own in table.items() if own == value]
    for preferred in (usual, meaning.default, *words):
        word = preferred if isinstance(preferred, str) else json.dumps(preferred)
        if word in words:
            return json.loads(word) if word in ("true", "false") else word
    return None


def read_again(spec: Spec, task: str, found: Config) -> tuple[Spec | None, list[Diagnostic]]:
    """Return the spec that a configuration means, with the texts and the recipe of another one.

    None where it cannot be read, with the reasons.
    """
    config = _opened(spec, found)
    classes = spec.model.classifier.classes if spec.model.classifier else None
    understood = understand(config, task, classes)
    if config.wrong or understood is None:
        return None, list(config.wrong)
    model = understood.tree["model"]
    own = spec.model.vocabulary
    model["vocabulary"] = {"size": own.size or own.target or own.source}
    if spec.model.pooling is not None:
        model["pooling"] = spec.model.pooling.model_copy(update={"width": None}).model_dump()
    values = {**spec.model_dump(exclude_none=True), "model": model}
    for *above, key in TASKS[spec.task].without_meaning:
        look(values, ".".join(above), {}).pop(key, None) if above else values.pop(key, None)
    try:
        return loaded_from(values, FILE).spec, []
    except Rejected as rejected:
        return None, list(rejected.diagnostics)


def _opened(spec: Spec, found: Config) -> Configuration:
    """Return a configuration as `compiler.weights` reads it."""
    root = read(Source(name=FILE, text=json.dumps(found, indent=2)))
    assert isinstance(root, Mapping)
    tensors = [] if spec.model.embedding.tied != "none" else ["lm_head.weight"]
    return Configuration(root=root, tensors=tensors)
