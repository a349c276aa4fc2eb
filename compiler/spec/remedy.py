"""The line that mends a mistake, as its author would write it at its place."""

import re
import shlex
from collections.abc import Iterator
from collections.abc import Mapping as AbstractMapping
from itertools import product
from typing import Any

from pydantic import BaseModel

from compiler.source.node import Mapping, Node, Path, Scalar, find
from compiler.source.span import Source
from compiler.source.write import flow
from compiler.spec.data import OF_RUNNING_TEXT, ParallelFiles, RunningText
from compiler.spec.fields import (
    accepts,
    corpora_of,
    fields_at,
    is_corpus,
    is_section,
    sections_of,
    words_at,
)
from compiler.spec.inherit import HANDED_DOWN
from compiler.spec.merge import word
from compiler.spec.shorthand import PLACES
from compiler.spec.tasks import ATTENTIONS, TASKS

Settings = AbstractMapping[Path, Any]
_NUMBER = re.compile(r"([0-9][0-9_,]*(?:\.[0-9]+)?)\s*([kKmM%]?)(?:\s+\w+)?")
_SHORT = {"src": "sou", "inp": "sou", "tgt": "tar", "trg": "tar", "out": "tar", "cla": "lab"}
"""How our keys of a text begin, by the beginnings of other tools' keys."""
_RECORDS = (
    *("json", "jsonl", "ndjson", "csv", "parquet", "arrow", "feather", "xlsx", "xls", "tfrecord"),
    *("sqlite", "lmdb", "hdf5", "h5", "npy", "npz", "tmx", "xml", "sgm", "yaml", "pickle", "pkl"),
    *("dataset", "datasets", "hf", "huggingface", "hf_dataset", "dataset_name"),
)
"""Other tools' forms of texts, as keys or as endings of files."""
LONGEST_NAME = 40
_UNITS = {"k": 1_000, "m": 1_000_000, "%": 0.01}
_TRUTH = {"yes": True, "on": True, "y": True, "no": False, "off": False, "n": False}


def to_write(tree: Node, settings: Settings, wrong: Path, source: Source, task: str) -> str:
    """Words the lines that replace a wrong one, each with the section where it stands.

    A section is one that the file of the mistake has, as it is written there; other sections are
    part of the line. A value of None leaves its key out.
    """
    if all(value is None for value in settings.values()):
        return "remove it"
    path, corpus_given = next(iter(settings.items()))
    if source.name == "--test" and is_corpus(path):
        return f"write `--test {shlex.quote(flow(corpus_given))}`"
    if _is_dotted(find(tree, wrong[:-1])) or source.name == "--set":
        return _dotted_lines(settings, source)
    written: dict[Path, dict[str, Any]] = {}
    for path, value in settings.items():
        written.setdefault(path[:-1], {})[str(path[-1])] = value
    sections: dict[Path, dict[str, Any]] = {}
    for at, values in written.items():
        section, line = _line(tree, at, values, wrong, source, task)
        sections[section] = _joined(sections.get(section, {}), line)
    found = []
    for section, lines in sections.items():
        text = " and ".join(f"`{flow({key: value})[1:-1]}`" for key, value in lines.items())
        found.append(f"{text}{'' if section == wrong[:-1] else _where(section)}")
    is_elsewhere = wrong and wrong not in settings and find(tree, wrong) is not None
    return f"write {', and '.join(found)}{' instead' if is_elsewhere else ''}"


def _dotted_lines(settings: Settings, source: Source) -> str:
    """Lines with dotted keys, for the command line or an ablation."""
    lines = []
    for path, value in settings.items():
        key, text = name(path), flow(value)
        is_option = source.name == "--set"
        lines.append(f"--set {shlex.quote(f'{key}={text}')}" if is_option else f"{key}: {text}")
    return f"write {' and '.join(f'`{each}`' for each in lines)}"


def _is_dotted(holder: Node | None) -> bool:
    """Return whether a section has no place in a file, since it comes from a dotted key."""
    return (
        isinstance(holder, Mapping)
        and not _is_word(holder)
        and holder.span in (holder.keys[key] for key in holder.entries if key in holder.keys)
    )


def _line(
    tree: Node, section: Path, line: dict[str, Any], wrong: Path, source: Source, task: str
) -> tuple[Path, dict[str, Any]]:
    """The section that is there, and what is to be written in it."""
    while section:
        holder = find(tree, section)
        if isinstance(holder, Mapping) and holder.span.source is source:
            if not _is_word(holder):
                break
            kind = {"kind": word(holder, "kind")} if wrong != (*section, "kind") else {}
            line = kind | line
        elif holder is None and section[-1] not in (*HANDED_DOWN["model",], *ATTENTIONS):
            form = next(iter(sections_of(section, line.get("kind"))))
            line = _required(form, section, task, line) if len(section) > 1 else line
        line = {str(section[-1]): _shortest(section, line)}
        section = section[:-1]
    return section, line


def _is_word(holder: Mapping) -> bool:
    """Return whether a mapping was written as the word of its kind."""
    kind = holder.get("kind")
    return kind is not None and holder.keys.get("kind") == kind.span


def _shortest(section: Path, line: dict[str, Any]) -> object:
    steps = tuple(step for step in section if isinstance(step, str))
    return line["kind"] if line.keys() == {"kind"} and steps in PLACES else line


def _joined(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Merges two lines key by key: their sections are mappings, or the words of kinds."""
    joined = dict(one)
    for key, value in other.items():
        before = joined.get(key)
        if isinstance(before, str) and isinstance(value, dict):
            before = {"kind": before}
        if isinstance(before, dict) and isinstance(value, str):
            value = {"kind": value}
        if isinstance(before, dict) and isinstance(value, dict):
            value = _joined(before, value)
        joined[key] = value
    return joined


def _where(section: Path) -> str:
    return f" below `{name(section)}`" if section else " at the top level"


def name(path: Path) -> str:
    """A path as people write it: `model.encoder.layers[0].dropout`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def mended(path: Path, value: object, task: str, kind: object = None) -> object:
    """A value that a setting takes and that is near the one given; None if there is none.

    `kind` is that of the section which the setting stands in.
    """
    if is_corpus(path):
        return corpus(path, value, task)
    if is_section(path) and isinstance(value, list) and all(isinstance(one, dict) for one in value):
        return {key: each for one in value for key, each in one.items()} or None
    if is_section(path) and not isinstance(value, dict):
        return _section_of(path, value, task)
    near = _names(str(value)) if path == ("name",) else _near(value)
    return next((each for each in near if accepts(path, each, kind)), None)


def _names(text: str) -> Iterator[str]:
    name = re.sub("[^a-z0-9]+", "-", text.lower()).strip("-")[:LONGEST_NAME].strip("-")
    yield from (name, f"my-{name}")


def _near(value: object) -> Iterator[object]:
    """The values that an author may have meant by one of the wrong form or unit."""
    match value:
        case dict() | list():
            parts = list(value.values()) if isinstance(value, dict) else value
            if parts and all(part == parts[0] for part in parts):
                yield from (parts[0], *_near(parts[0]))
        case bool():
            return
        case str():
            yield _TRUTH.get(value.lower(), value)
            if found := _NUMBER.fullmatch(value.strip()):
                number = float(found[1].replace("_", "").replace(",", ""))
                yield from _numbers(number * _UNITS.get(found[2].lower(), 1))
        case int() | float() if value == value:
            yield from _numbers(value)
            yield from (str(value), [value, value])


def _numbers(value: float) -> Iterator[object]:
    if abs(value) < 2**53 and value == int(value):
        yield int(value)
    yield float(value)
    if value > 1:
        yield value / 100


def _section_of(path: Path, value: object, task: str) -> object:
    """A section with one value in it, under the key that takes it; the keys that must be first."""
    if value is False or value is None:
        return None
    near = [each for each in _near(value) if type(each) in (int, float)]
    values = [value] if isinstance(value, int | float) else [value, *near]
    for section in corpora_of(task) if is_corpus(path) else sections_of(path):
        kind = section.model_fields.get("kind")
        is_kind = kind is not None and kind.default
        keys = sorted(section.model_fields, key=lambda key: not _is_required(section, key))
        keys += ["position"] if path[-1] == "embedding" else []
        for each, key in product(values, keys):
            if key not in ("eps", "prefix") and each is not True and accepts((*path, key), each):
                return _required(section, path, task, {key: each})
        if is_kind:
            break
    return example(path, task)


def _is_required(section: type[BaseModel], key: str) -> bool:
    return section.model_fields[key].is_required()


def _required(
    section: type[BaseModel], path: Path, task: str, given: dict[str, Any]
) -> dict[str, Any]:
    keys = [key for key in section.model_fields if _is_required(section, key) and key != "block"]
    if path == ("model",):
        parts = [each for each in TASKS[task].parts if ("model", each) not in TASKS[task].implied]
        keys += ["attention", "feed_forward", *TASKS[task].stacks, *parts]
    return {key: example((*path, key), task) for key in keys if key not in given} | given


def example(path: Path, task: str, tree: Node | None = None) -> Any:
    """A value that a setting takes, as its documentation has it; it suits the sizes in a tree."""
    if is_section(path):
        section = (corpora_of(task) if is_corpus(path) else sections_of(path))[0]
        found = _required(section, path, task, {})
        key = next((each for each in section.model_fields if _examples((*path, each))), "")
        return found or ({key: example((*path, key), task)} if key else {})
    if tree is not None and path[-1] == "heads":
        width = find(tree, ("model", "d_model"))
        size = width.value if isinstance(width, Scalar) and isinstance(width.value, int) else 8
        return next(heads for heads in (8, 4, 2, 1) if size % heads == 0)
    value = next(iter([*_examples(path), *words_at(path), True]))
    part = str(path[-2]) if len(path) > 1 else ""
    if is_corpus(path[:-1]) and isinstance(value, str):
        return value.replace("train", part)
    return value


def _examples(path: Path) -> list[Any]:
    return [each for field in fields_at(path) for each in field.examples or ()]


def corpus(path: Path, value: object, task: str) -> dict[str, Any]:
    """The text at a path in the form that the task is learned from, with the files it names."""
    form, *others = corpora_of(task)
    if isinstance(value, dict) and RunningText in others and value.keys() & OF_RUNNING_TEXT:
        form = RunningText
    is_stem = isinstance(value, str) and "." not in value.rpartition("/")[2]
    if form is ParallelFiles and is_stem:
        return {"source": f"{value}.en", "target": f"{value}.de"}
    sides = [key for key in form.model_fields if _is_required(form, key)]
    named = _by_side(value, sides)
    given = {key: each for key, each in named.items() if not records_in({key: each})}
    files = [each for each in given.values() if accepts((*path, "text"), each)]
    table = next((each for each in others if "tsv" in each.model_fields), None)
    if table and len(files) == 1 and ("tsv" in given or ".tsv" in str(files[0])):
        return {"tsv": files[0], **_columns(path, given, table)}
    found = {key: each for key, each in given.items() if _is_own(form, path, key, each)}
    for key, each in given.items():
        start = _SHORT.get(key[:3].lower(), key[:3].lower())
        side = next((side for side in sides if side not in found and side[:3] == start), "")
        found |= {side: each} if side and key not in found and each in files else {}
    rest = [each for each in files if each not in found.values()]
    for key in sides:
        if key not in found:
            found[key] = rest.pop(0) if rest else example((*path, key), task)
    return {key: found[key] for key in form.model_fields if key in found}


def _is_own(form: type[BaseModel], path: Path, key: str, value: object) -> bool:
    return key in form.model_fields and accepts((*path, key), value)


def _by_side(value: object, sides: list[str]) -> dict[str, Any]:
    """The parts of a text by their keys, in a list or as `train.en: train.de` in their order."""
    if isinstance(value, dict):
        if any("." in key or "/" in key for key in value):
            files = [each for pair in value.items() for each in pair if each is not None]
            return _by_side(files, sides)
        return value
    if isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
        keys = dict.fromkeys(key for each in value for key in each)
        parts = {key: [each[key] for each in value if key in each] for key in keys}
        return {key: part[0] if len(part) == 1 else part for key, part in parts.items()}
    if isinstance(value, list) and len(value) == len(sides):
        return dict(zip(sides, value, strict=True))
    return {"": value}


def _columns(path: Path, given: dict[str, Any], table: type[BaseModel]) -> dict[str, Any]:
    """The columns that were given for a table, under our keys."""
    found = {key: each for key, each in given.items() if _is_own(table, path, key, each)}
    found.pop("tsv", None)
    keys = [key for key in table.model_fields if key.endswith("_column")]
    for key in keys:
        theirs = (given[each] for each in given if each not in found and each[:3] == key[:3])
        column = next((each for each in theirs if accepts((*path, key), each)), None)
        found |= {key: column} if key not in found and column is not None else {}
    lists = [each for key, each in given.items() if isinstance(each, list) and key not in found]
    rest = [each for numbers in lists for each in numbers if accepts((*path, keys[0]), each)]
    rest += [column for column in range(len(keys)) if rest or found]
    for key in keys:
        free = [each for each in rest if each not in found.values()]
        found |= {key: free[0]} if free and key not in found else {}
    return {key: found[key] for key in table.model_fields if key in found}


def records_in(value: object) -> str:
    """The form of files that hold records instead of lines, by a key or an ending; empty if none.

    Such a form is JSON, CSV or Parquet.
    """
    if isinstance(value, dict):
        known = next((str(key) for key in value if str(key).lower() in _RECORDS), "")
        return known or records_in([*value, *value.values()])
    if isinstance(value, list):
        return next((found for each in value if (found := records_in(each))), "")
    ending = (
        re.search(r"\.(\w+?)(?:\.(?:gz|xz|bz2|zst))?$", value) if isinstance(value, str) else None
    )
    return ending[1] if ending and ending[1].lower() in _RECORDS else ""
