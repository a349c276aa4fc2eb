"""Recognizes files and folders that a command was given by mistake, and who reads them."""

import re
from dataclasses import dataclass
from pathlib import Path as File

from compiler.spec.spec import Spec

SPEC, ABLATION, MAP, RUN, PACKAGE = "spec", "ablation", "map", "run", "package"
FOLDER, OTHER = "folder", "other"
_LOCK = "spec.lock.yaml"
RUN_RECORD = "run.json"
"""The file that makes a folder a run: how it began."""
_LONGEST_LOOK = 2**16


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """The kind of a file or folder, in `words`, with `advice`; `name` is one of the constants."""

    name: str
    words: str
    advice: str


def kind_of(path: File) -> Kind | None:
    """The kind of what lies at a path; None where it is unknown, or nothing is there."""
    try:
        if path.is_dir():
            return _folder(path)
        return _file(path) if path.is_file() else None
    except (OSError, ValueError):  # the text is not a path, or cannot be read
        return None


def _folder(path: File) -> Kind | None:
    lock, inside = path / _LOCK, path / "package" / _LOCK
    if (path / RUN_RECORD).is_file():
        commands = "`specformer evaluate`, `translate` and `diff` read it"
        return Kind(name=RUN, words="the folder of a run", advice=f"{commands}; {_spec_at(inside)}")
    if lock.is_file():
        advice = f"`specformer verify` and `diff` read it; {_spec_at(lock)}"
        return Kind(name=PACKAGE, words="a generated package", advice=advice)
    if (path / "ablation.json").is_file():
        advice = "`specformer ablate FILE --out FOLDER` goes on with it"
        return Kind(name=OTHER, words="the folder of an ablation", advice=advice)
    return Kind(name=FOLDER, words="a folder", advice=_example_in(path))


def _example_in(folder: File) -> str:
    """Advise a spec in a folder, or a package or a run there."""
    specs = (each for each in sorted(folder.glob("*.yaml")) if _is(each, SPEC))
    locks = sorted([*folder.glob(f"*/{_LOCK}"), *folder.glob(f"*/package/{_LOCK}")])
    folders = (each.parents[each.parent.name == "package"] for each in locks)
    found = next(specs, None) or next(folders, None)
    return f"for example `{found}`" if found else "name a spec, or the folder of a package or a run"


def _spec_at(lock: File) -> str:
    return f"its spec is `{lock}`"


def _is(path: File, name: str) -> bool:
    kind = kind_of(path)
    return kind is not None and kind.name == name


def _file(path: File) -> Kind | None:
    if path.suffix == ".py" and (path.parent / _LOCK).is_file():
        advice = f"its package is `{path.parent}`; {_spec_at(path.parent / _LOCK)}"
        return Kind(name=OTHER, words="code of a generated package", advice=advice)
    if path.suffix in _BY_SUFFIX:
        return Kind(name=OTHER, words=_BY_SUFFIX[path.suffix], advice=_A_SPEC)
    with path.open("rb") as file:
        head = file.read(_LONGEST_LOOK)
    return of_text(head.decode("utf-8", errors="ignore"), path)


def of_text(text: str, path: File) -> Kind | None:
    """The kind of a file by the keys of its top level; None if they do not tell."""
    pattern = r'"(\w+)"\s*:' if text.lstrip()[:1] == "{" else r"(?m)^(\w[\w-]*)\s*:"
    keys = set(re.findall(pattern, text))
    if "ablation" in keys and keys & {"base", "groups", "seeds"}:
        advice = f"`specformer ablate {path}` reads it"
        return Kind(name=ABLATION, words="the file of an ablation", advice=advice)
    if "tensors" in keys and not keys & Spec.model_fields.keys():
        advice = f"`specformer import-weights SPEC --map {path}` reads it"
        return Kind(name=MAP, words="an import map", advice=advice)
    if path.name == RUN_RECORD and {"versions", "package"} <= keys:
        advice = f"`specformer evaluate {path.parent}` reads the run; " + _spec_at(
            path.parent / "package" / _LOCK
        )
        return Kind(name=OTHER, words="the record of how a run began", advice=advice)
    if len(keys & {"name", "extends", "task", "model", "data", "training"}) >= 2:
        advice = f"`specformer check {path}` and `train` read it"
        return Kind(name=SPEC, words="a spec", advice=advice)
    for words, having in _FOREIGN.items():
        if having <= keys:
            return Kind(name=OTHER, words=words, advice=_A_SPEC)
    return None


_A_SPEC = "`specformer new NAME` writes a spec to start from, `specformer list` shows the library"
_FOREIGN = {
    "a workflow of GitHub": {"on", "jobs"},
    "a configuration of Docker Compose": {"services"},
    "a configuration of pre-commit": {"repos"},
    "the configuration of a Hugging Face model": {"model_type"},
    "the settings of a Hugging Face tokenizer": {"tokenizer_class"},
    "a configuration of OpenNMT": {"data", "save_model"},
    "the configuration of a project": {"project"},
    "an environment of conda": {"dependencies"},
}
"""The keys by which configurations of other programs are recognised."""
_BY_SUFFIX = {
    ".safetensors": "a file of weights",
    ".pt": "a file of weights",
    ".bin": "a file of weights",
    ".py": "Python code",
    ".ipynb": "a notebook",
    ".jsonl": "a log",
    ".md": "a document in Markdown",
    ".model": "a tokenizer",
    ".vocab": "a vocabulary",
}
