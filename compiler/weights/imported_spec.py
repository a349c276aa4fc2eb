"""A config.json to the spec of its network, by the table of its family."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import yaml

from compiler.source.diagnostic import Diagnostic, did_you_mean, mistake
from compiler.spec.attention import Attention
from compiler.spec.base import Section
from compiler.spec.feed_forward import FeedForward
from compiler.spec.fields import expected_at
from compiler.spec.model import Embedding, Model, Norm, Output
from compiler.spec.tasks import TASKS
from compiler.weights.config import REFUSED, Config
from compiler.weights.family import Family, common, families, find_family
from compiler.weights.maps import MAPS
from compiler.weights.readings import READINGS
from compiler.weights.sentence_encoder import MODULES, read_sentence_encoder
from compiler.weights.settings_tree import Tree, leaves, look, merged, put

LONGEST = 512
"""Tokens of a text in the spec, where a model can read more: memory grows with the square."""


@dataclass(kw_only=True)
class Understood:
    """A folder as its config.json and the names of its tensors describe it."""

    name: str
    family: Family
    config: Config
    task: str
    has_head: bool
    tree: Tree
    used: dict[str, str] = field(default_factory=dict)
    """The settings that a key gives, by key."""
    without_effect: list[str] = field(default_factory=list)
    origins: dict[str, str] = field(default_factory=dict)
    """The key that a setting comes from, by the dotted key of the spec."""

    @property
    def labels(self) -> list[tuple[str, int]]:
        """The labels of a classifier in our order, the alphabet's, with their number for each."""
        count = look(self.tree, "model.classifier.classes", 0)
        names = self.config.get("id2label") or {}
        own = {str(each): f"LABEL_{each}" for each in range(count)}
        if self.has_head and names.keys() == own.keys():
            own = {number: str(name) for number, name in names.items()}
        return sorted((name, int(number)) for number, name in own.items())

    @property
    def wrong(self) -> list[Diagnostic]:
        return self.config.wrong


def understand(config: Config, task: str | None, classes: int | None) -> Understood | None:
    """Return the settings that a config.json means; what cannot be said is noted in `config.wrong`.

    None if no family has its `model_type`.
    """
    refuse_other_code(config)
    found = find_family(config.model_type)
    if found is None:
        refuse_model_type(config)
        return None
    name, family = found
    chosen, has_head = task_of(config, family, task)
    if chosen is None:
        return None
    head = family.tasks[chosen]
    tree = merged(merged(family.spec, head.spec), {"task": chosen})
    result = Understood(
        name=name, family=family, config=config, task=chosen, has_head=has_head, tree=tree
    )
    result.used = dict(_read_keys(config, family, tree))
    result.origins = {
        path: key
        for key in family.keys
        if (meaning := family.meaning(key))
        for path in meaning.paths
    }
    before = set(config.used)
    for each in (*family.readings, "classes"):
        result.origins |= _read(each, config, tree)
    if classes is not None:
        _put_classes(result, classes)
    result.used |= {key: "" for key in config.root.keys if key in config.used - before}
    _read_modules(result)
    _refuse_others(config, family.only | common().only)
    known = [*family.without_effect, *common().without_effect]
    config.refuse_unknown([*known, *family.keys, *config.used])
    settled = {*config.used, *family.keys}
    result.without_effect += [each for each in config.root.keys if each not in settled]
    return result


def _read(reading: str, config: Config, tree: Tree) -> dict[str, str]:
    """Add the settings of a reading -> the key that each of them comes from."""
    used, before = set(config.used), dict(leaves(tree))
    READINGS[reading](config, tree)
    keys = [key for key in config.root.keys if key in config.used - used]
    changed = (path for path, value in leaves(tree) if before.get(path) != value)
    return dict.fromkeys(changed, keys[0]) if keys else {}


def _put_classes(result: Understood, classes: int) -> None:
    """Set the number of labels of a new classifier; refuse it where there is none."""
    if result.task == "classification" and not result.has_head:
        put(result.tree, "model.classifier.classes", classes)
        return
    own = f"what is imported is a {result.task.replace('_', ' ')}"
    if result.task == "classification":
        own = "the files have one with labels of its own"
    message = f"`--classes` is for a new classifier, and {own}"
    help = "leave it out"
    if "classification" in result.family.tasks and result.task != "classification":
        help += ", or write `--task classification`"
    result.config.refuse("model_type", message, help)


def _read_modules(result: Understood) -> None:
    """Read how a text becomes one vector, where files of sentence-transformers say it."""
    folder = result.config.folder
    if result.task == "embedding" and result.has_head and folder is not None:
        found = read_sentence_encoder(folder, result.config, result.tree)
        result.used |= found.used
        result.without_effect += found.without_effect


def refuse_other_code(config: Config) -> None:
    """Note what keeps any family from a folder: code of its own, quantised weights."""
    if config.get("auto_map"):
        help = "`trust_remote_code` would run it; what a family has is written in a table, not run"
        config.refuse("auto_map", "the folder brings code of its own for its network", help)
    if config.get("quantization_config"):
        help = "take the files as they were before, or convert them back to floating-point numbers"
        config.refuse("quantization_config", "the weights are quantised", help)


def refuse_model_type(config: Config) -> None:
    """Note that no family has the `model_type`."""
    own = config.get("model_type")
    if own is None and "model_type" in config:
        return
    if own is None:
        message = "config.json has no `model_type`: it is none of a model of `transformers`"
        config.wrong.append(mistake(config.root.span, REFUSED, message))
        return
    known = sorted(each for family in families().values() for each in family.model_types)
    reason = common().refused.get(own)
    help = did_you_mean(own, known) or f"families: {', '.join(known)}"
    if (MAPS / f"{own}.yaml").is_file():
        help = f"write its spec; compiler/weights/maps/{own}.yaml is the map for import-weights"
    message = f"no family has the `model_type` {own}" + (f": {reason}" if reason else "")
    config.refuse("model_type", message, help)


def task_of(config: Config, family: Family, task: str | None) -> tuple[str | None, bool]:
    """Return the task, and whether the files have what its models have behind the network."""
    present = [each for each, head in family.tasks.items() if _has(head.where, config)]
    if task is not None:
        if task not in family.tasks:
            message = f"the family of {config.model_type} has no task {task}"
            config.refuse("model_type", message, f"it has {', '.join(family.tasks)}")
            return None, False
        return task, task in present
    if _has(MODULES, config) and "embedding" not in family.tasks:
        message = f"{MODULES} makes vectors of texts, and the family of {config.model_type} cannot"
        help = f"`--task` takes the network for something else: {', '.join(family.tasks)}"
        config.refuse("model_type", message, help)
        return None, False
    if not present:
        message = "the files hold the network alone, without a head for a task"
        tasks = ", ".join(family.tasks)
        config.refuse("model_type", message, f"`--task` names the task of a new head: {tasks}")
        return None, False
    return present[0], True


def _has(where: str | None, config: Config) -> bool:
    """Return whether a tensor, or a file beside config.json, is there."""
    if where is None or any(fnmatchcase(each, where) for each in config.tensors):
        return True
    return config.folder is not None and (config.folder / where).is_file()


def _read_keys(config: Config, family: Family, tree: Tree) -> Iterator[tuple[str, str]]:
    """Set what the table of the family says -> the keys that the file has, and their settings."""
    for key in family.keys:
        meaning = family.meaning(key)
        assert meaning is not None
        has_default = "default" in meaning.model_fields_set
        if meaning.may_be_null and config.is_null(key):
            yield key, ""
            continue
        value = config.get(key, meaning.default) if has_default else config.need(key)
        if value is None:
            continue
        table = (
            common().values[meaning.values] if isinstance(meaning.values, str) else meaning.values
        )
        if table is not None:
            word = value if isinstance(value, str) else json.dumps(value)
            if word not in table:
                config.refuse(key, f"`{key}: {word}`", f"specs can say {', '.join(table)}")
                continue
            value = table[word]
        wanted = [expected_at(tuple(path.split(".")), value) for path in meaning.paths]
        if any(wanted):
            config.misplace((key,), next(filter(None, wanted)))
            continue
        for path in meaning.paths:
            put(tree, path, value)
        if key in config:
            yield key, ", ".join(f"{path}: {json.dumps(value)}" for path in meaning.paths)


def _refuse_others(config: Config, only: dict[str, list[Any]]) -> None:
    for key, values in only.items():
        if key in config and (value := config.get(key)) not in values:
            own = ", ".join(json.dumps(each) for each in values if each is not None)
            config.refuse(key, f"`{key}: {json.dumps(value)}`", f"specs can say `{key}: {own}`")


def name_of(folder: str) -> str:
    """Return a name for a spec that is like the name of a folder."""
    words = re.sub(r"[^a-z0-9]+", "-", folder.lower()).strip("-")
    words = words if words[:1].isalpha() else f"model-{words}"
    return words[:40].strip("-")


def spec_text(
    understood: Understood, name: str, source: str, tokenizer: Tree, decoding: Tree
) -> str:
    """Return the text of a spec for the settings of a folder called `source`.

    `decoding` has lists of tokens by `prefix` and `ends`; empty ones are left out.
    """
    kind = config_class(understood)
    head = f"""\
# {kind}, imported from {source}: `specformer import` wrote this from its config.json.
name: {name}
summary: {kind} as published
task: {understood.task}
model:
"""
    lines = [f"  {key}: {_flow(tokens)}\n" for key, tokens in decoding.items() if tokens]
    decoded = "".join(("decoding:\n", *lines)) if lines else ""
    model = "".join(f"  {line}\n" for line in _model(_changed(understood.tree["model"])))
    return f"{head}{model}{_data(understood, tokenizer)}{_TRAINING}{decoded}"


_TRAINING = """\
training:  # of a model that has been trained already: few updates, and small ones
  steps: 1000
  batch_tokens: 4096
  optimizer: {kind: adamw, weight_decay: 0.01}
  schedule: {kind: linear, warmup_steps: 100, peak: 2e-5}
"""


def _data(understood: Understood, tokenizer: Tree) -> str:
    length = min(look(understood.tree, "data.max_length") or LONGEST, LONGEST)
    corpora = "".join(
        f"  {split}: {_example(understood.task, split)}\n" for split in ("train", "valid")
    )
    return (
        f"data:\n  # your own text, to go on training with: {TASKS[understood.task].text}\n"
        f"{corpora}  tokenizer: {_flow(tokenizer)}\n  max_length: {length}\n"
    )


def config_class(understood: Understood) -> str:
    """Return the class that the folder was saved from, or its `model_type`."""
    own = understood.config.get("architectures")
    return str(own[0]) if own else understood.config.model_type


SECTIONS: dict[str, type[Section]] = {
    "embedding": Embedding,
    "norm": Norm,
    "attention": Attention,
    "feed_forward": FeedForward,
    "output": Output,
}


def _changed(model: Tree) -> Tree:
    """Return the settings that are not as they are by default."""
    result: Tree = {}
    for key, value in model.items():
        if section := SECTIONS.get(key):
            defaults = {name: field.default for name, field in section.model_fields.items()}
            value = {name: own for name, own in value.items() if own != defaults.get(name)}
        field = Model.model_fields.get(key)
        if value != {} and (field is None or value != field.default):
            result[key] = value
    return result


FIRST = ("d_model", "vocabulary", "embedding", "dropout", "norm", "attention", "feed_forward")
STACKS = ("encoder", "decoder")


def _model(model: Tree) -> Iterator[str]:
    """Yield the lines below `model:`, a section each, stacks at the end."""
    others = [key for key in model if key not in (*FIRST, *STACKS)]
    for key in (*FIRST, *others, *STACKS):
        layers = model[key].get("layers") if key in STACKS and key in model else None
        if isinstance(layers, list):
            yield f"{key}:"
            yield from (
                f"  {each}: {_flow(model[key][each])}" for each in model[key].keys() - {"layers"}
            )
            yield "  layers:"
            yield from (f"    - {_flow(each)}" for each in layers)
        elif key in model:
            yield f"{key}: {_flow(model[key])}"


def _example(task: str, split: str) -> str:
    """Return places of a text that the user replaces."""
    named = yaml.safe_load(TASKS[task].example).keys()
    return _flow({each: f"{split}.{each}" if len(named) > 1 else f"{split}.txt" for each in named})


def _flow(value: Any) -> str:
    """Return a value of YAML on one line."""
    text = yaml.safe_dump(
        value, default_flow_style=True, sort_keys=False, width=10**9, allow_unicode=True
    )
    return str(text).removesuffix("\n").removesuffix("\n...")
