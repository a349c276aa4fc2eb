"""A trained network as a class of transformers: no code of ours is needed to load it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from compiler.export.generation import FILE as GENERATION
from compiler.export.generation import generation_config
from compiler.export.huggingface.native import Native, nearest
from compiler.spec.tasks import TASKS
from compiler.vocabulary.rows import Rows
from compiler.weights.config import AUTO
from compiler.weights.sentence_encoder import LENGTH, MODULES
from runtime.data.prepare import TOKENIZERS
from runtime.data.symbols import BEGIN, END, PADDING
from runtime.data.tasks.classification import read_labels
from runtime.data.tasks.task import longest_sentence
from runtime.errors import UserError
from runtime.export.exporter import Exported, Options, Written
from runtime.export.huggingface.model_card import model_card
from runtime.export.huggingface.native_network import NativeNetwork, symbols_of
from runtime.export.huggingface.native_weights import (
    in_coordinates,
    shell_of,
    their_tensors,
    without_absent_rows,
)
from runtime.export.huggingface.remote import CARD, TARGET, WEIGHTS, write_json
from runtime.export.source import Exportable
from runtime.export.tokenizers.files import write_tokenizer
from runtime.weights.files import write_tensors

IMPORT = "import.json"
"""The file of an imported run that has the config.json of the folder that it was made of."""


@dataclass(frozen=True, slots=True)
class NativeExporter:
    """Writes and opens folders of classes that transformers has."""

    name: str = "huggingface-native"
    libraries: Mapping[str, str] = field(
        default_factory=lambda: {"transformers": "transformers", "tokenizers": "tokenizers"}
    )
    quantizations: tuple[str, ...] = ()
    is_compilable: bool = False

    def write(self, exportable: Exportable, folder: Path, _options: Options) -> Written:
        """Write a folder.

        Raises a UserError for a tokenizer that cannot be written, and where tensors of ours that
        are one of theirs differ.
        """
        own = exportable
        native, rows = native_of(own), rows_of(own)
        numbers = class_numbers(own)
        config = their_config(own, native, rows)
        shell = shell_of(config, AUTO[own.spec.task])
        config.architectures = [type(shell.model).__name__]
        tensors = in_coordinates(own.spec, own.tensors, native)
        tensors = without_absent_rows(tensors, rows)
        theirs = their_tensors(native, tensors, shell, rows, numbers)
        _write_tensors(theirs, folder)
        config.save_pretrained(folder)
        if shell.lacks(theirs):
            _fill_tables(folder, AUTO[own.spec.task])
        _write_texts(own, folder)
        missing = _write_generation(own, folder, rows)
        if own.spec.model.pooling is not None:
            write_sentence_encoder(own, folder)
        card = model_card(own, form="native", auto=AUTO[own.spec.task])
        (folder / CARD).write_text(card, encoding="utf-8")
        return Written(
            title=type(shell.model).__name__,
            converted=tuple(
                f"{', '.join(_names(step.paths))}: {step.change.words}" for step in native.steps
            ),
            unsupported=missing,
        )

    def load(self, folder: Path, exportable: Exportable) -> Exported:
        """Open a folder with transformers."""
        return NativeNetwork.opened(
            folder,
            exportable,
            AUTO[exportable.spec.task],
            TARGET,
            rows_of(exportable),
            class_numbers(exportable),
        )


def native_of(exportable: Exportable) -> Native:
    """Return the family that says a run; for an imported one it is that of its folder."""
    record = import_record(exportable)
    found = nearest(exportable.spec, record.get("family"), record.get("config"))
    if found is None or not found.is_sayable:
        raise UserError("no class of transformers says this spec")
    return found


def import_record(exportable: Exportable) -> dict[str, Any]:
    """Return what is known of the folder that a run was imported from; nothing for others."""
    path = exportable.run.folder / IMPORT
    found: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    return found


def rows_of(exportable: Exportable) -> Rows:
    """Return the number that each token of ours has in the exported vocabulary."""
    tokenizer = exportable.tokenizers[1]
    rows: Rows | None = getattr(tokenizer, "rows", None)
    return rows or Rows(tuple(range(tokenizer.size)), TASKS[exportable.spec.task].symbols)


def class_numbers(exportable: Exportable) -> list[int]:
    """Return the exported number of each of our labels, in our order."""
    if exportable.spec.model.classifier is None:
        return []
    labels = read_labels(exportable.run.folder / TOKENIZERS)
    if not _has_labels(exportable):
        return list(range(len(labels)))
    names = import_record(exportable)["config"]["id2label"]
    theirs = {str(name): int(number) for number, name in names.items()}
    return [theirs[each] for each in labels]


def their_config(exportable: Exportable, native: Native, rows: Rows) -> Any:
    """Return the configuration, with the numbers of symbols and labels."""
    import transformers

    found = dict(native.config)
    sizes = {each: 1 + max(n for n in rows.theirs if n is not None) for each in SIZES}
    found |= {key: size for key, size in sizes.items() if key in found}
    for key, symbol in _symbols(exportable).items():
        found.setdefault(key, rows.theirs[symbol])
    if not import_record(exportable):
        found |= {"forced_eos_token_id": None, "forced_bos_token_id": None, "dtype": "float32"}
    if exportable.spec.model.classifier is not None and not _has_labels(exportable):
        labels = read_labels(exportable.run.folder / TOKENIZERS)
        names = dict(zip(class_numbers(exportable), labels, strict=True))
        found |= {"id2label": names, "label2id": {name: n for n, name in names.items()}}
    kind = found.pop("model_type")
    found.pop("transformers_version", None)
    return transformers.AutoConfig.for_model(kind, **found)


def _has_labels(exportable: Exportable) -> bool:
    """Return whether the labels are those of the folder that the run was imported from."""
    names = import_record(exportable).get("config", {}).get("id2label") or {}
    return {*names.values()} == {*read_labels(exportable.run.folder / TOKENIZERS)}


SIZES = ("vocab_size", "decoder_vocab_size")


def _symbols(exportable: Exportable) -> dict[str, int]:
    start = {"decoder_start_token_id": BEGIN} if TASKS[exportable.spec.task].reads_a_source else {}
    return {"pad_token_id": PADDING, "bos_token_id": BEGIN, "eos_token_id": END, **start}


def _write_tensors(tensors: Mapping[str, torch.Tensor], folder: Path) -> None:
    whole = {name: each.contiguous() for name, each in tensors.items()}
    write_tensors(whole, folder / WEIGHTS, {"format": "pt"})


def _fill_tables(folder: Path, auto: str) -> None:
    """Let the class save itself: it has tables that a formula fills, such as sines."""
    import transformers

    transformers.logging.disable_progress_bar()
    transformers.logging.set_verbosity_error()
    found = getattr(transformers, auto).from_pretrained(folder, local_files_only=True)
    found.save_pretrained(folder)


def _write_texts(exportable: Exportable, folder: Path) -> None:
    """Write the tokenizers; that of targets lies below where it is another one."""
    spec, (source, target) = exportable.spec, exportable.tokenizers
    write_tokenizer(spec, source, folder, numbering="theirs")
    if target is not source:
        (folder / TARGET).mkdir()
        write_tokenizer(spec, target, folder / TARGET, numbering="theirs")


def _write_generation(exportable: Exportable, folder: Path, rows: Rows) -> tuple[str, ...]:
    """Write how `generate` decodes; return what it does not know, a line each."""
    if "decoder" not in TASKS[exportable.spec.task].stacks:
        return ()
    found = generation_config(
        exportable.spec,
        symbols_of(rows, exportable.ends),
        [rows.theirs[each] or 0 for each in exportable.prefix],
    )
    write_json(folder / GENERATION, found.config)
    return found.missing


def write_sentence_encoder(exportable: Exportable, folder: Path) -> None:
    """Write the files by which sentence-transformers makes one vector of a text."""
    spec = exportable.spec
    pooling = spec.model.pooling
    assert pooling is not None
    steps = ["Transformer", "Pooling", *(["Normalize"] if pooling.normalize else [])]
    modules = [
        {
            "idx": number,
            "name": str(number),
            "path": f"{number}_{name}" if number else "",
            "type": f"sentence_transformers.models.{name}",
        }
        for number, name in enumerate(steps)
    ]
    (folder / MODULES).write_text(f"{json.dumps(modules, indent=2)}\n", encoding="utf-8")
    for each in modules[1:]:
        (folder / str(each["path"])).mkdir()
    width = spec.model.width("encoder")
    modes = {f"pooling_mode_{POOLING_KEYS[kind]}": kind == pooling.kind for kind in POOLING_KEYS}
    write_json(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": width, **modes})
    write_json(folder / LENGTH, {"max_seq_length": longest_sentence(spec), "do_lower_case": False})


POOLING_KEYS = {"first": "cls_token", "mean": "mean_tokens", "last": "lasttoken"}
"""Their names of poolings, behind `pooling_mode_`."""


def _names(paths: tuple[str, ...]) -> list[str]:
    """Return the names of settings, each once, without those of stacks and layers."""
    words = (each.split(".") for each in paths)
    return [*dict.fromkeys(".".join(each[-2:]) for each in words)]
