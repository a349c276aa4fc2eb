"""The files of sentence-transformers beside a network: how a text becomes one vector.

`modules.json` names the steps: a network, then the pooling of its states, then their length 1.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from compiler.source.diagnostic import Rejected
from compiler.source.read import read_text
from compiler.weights.config import Config, read_config, refusal
from compiler.weights.settings_tree import Tree, look, put

MODULES = "modules.json"
LENGTH, TEXTS = "sentence_bert_config.json", "config_sentence_transformers.json"

POOLINGS = {"cls": "first", "mean": "mean", "lasttoken": "last"}
"""The values of `model.pooling.kind` for their names of it."""
SWITCHES = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_lasttoken": "lasttoken",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
}
"""Keys that are true for one kind of pooling, by their names of it."""
WIDTHS = ("word_embedding_dimension", "embedding_dimension")


@dataclass(kw_only=True)
class SentenceEncoder:
    """Keys of the files: those that give settings, and those without effect."""

    used: dict[str, str] = field(default_factory=dict)
    """The settings that a key gives, by file and key."""
    without_effect: list[str] = field(default_factory=list)

    def take(self, config: Config, file: str, settings: dict[str, str]) -> None:
        """Note the keys of a file: those that give settings, and those without effect."""
        for key in config.root.keys:
            if key in settings:
                self.used[f"{file}:{key}"] = settings[key]
            elif key in config.used:
                self.without_effect.append(f"{file}:{key}")


def read_sentence_encoder(folder: Path, network: Config, tree: Tree) -> SentenceEncoder:
    """Add pooling, normalisation and length to the settings; refusals go to `network.wrong`."""
    result = SentenceEncoder()
    try:
        places = dict(_modules(folder, network))
        put(tree, "model.pooling", {"kind": "mean", "normalize": "Normalize" in places})
        for name, read in (("Pooling", _pooling), ("Transformer", _length)):
            if name in places:
                read(folder, places[name], network, tree, result)
        result.used[MODULES] = f"model.pooling.normalize: {json.dumps('Normalize' in places)}"
        _texts(folder, network, tree, result)
    except Rejected as rejected:  # a file that is no JSON
        network.wrong += rejected.diagnostics
    return result


def _modules(folder: Path, network: Config) -> Iterator[tuple[str, str]]:
    """Yield the steps that a spec can say, by the names of their classes, with their folders."""
    path = folder / MODULES
    try:
        steps: Any = json.loads(read_text(path))
        found = [(str(each["type"]).rpartition(".")[2], str(each["path"])) for each in steps]
    except (ValueError, TypeError, LookupError):
        network.wrong.append(refusal(path, "it is no list of steps with `type` and `path`"))
        return
    names = [name for name, _ in found]
    if names not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
        message = f"the steps to a vector are {', '.join(names)}"
        help = "specs can say Transformer, Pooling, and Normalize if need be, in this order"
        network.wrong.append(refusal(path, message, help))
        return
    if found[0][1]:
        message = f"the network lies in {found[0][1]}, and not beside modules.json"
        help = "`SentenceTransformer(FOLDER).save(OTHER)` writes it as it is read here"
        network.wrong.append(refusal(path, message, help))
    yield from found


def _pooling(
    folder: Path, place: str, network: Config, tree: Tree, result: SentenceEncoder
) -> None:
    name = f"{place}/config.json"
    config = read_config(folder / name)
    on = {SWITCHES[key]: key for key in SWITCHES if config.get(key)}
    mode = config.get("pooling_mode")
    kinds = [mode] if isinstance(mode, str) else list(mode or on)
    key = "pooling_mode" if mode else next(iter(on.values()), "pooling_mode")
    if len(kinds) != 1 or kinds[0] not in POOLINGS:
        help = f"specs can say one of {', '.join(POOLINGS)}"
        config.refuse(key, f"the pooling `{' and '.join(kinds) or 'none'}`", help)
    else:
        put(tree, "model.pooling.kind", POOLINGS[kinds[0]])
    for each in WIDTHS:
        width = look(tree, "model.d_model")
        if (own := config.get(each, width)) != width:
            config.refuse(each, f"vectors of width {own}, and the network has width {width}")
    config.get("include_prompt")  # `_texts` refuses prompts that every text begins with
    config.refuse_unknown([*SWITCHES, "pooling_mode", *WIDTHS])
    network.wrong += config.wrong
    result.take(config, name, {key: f"model.pooling.kind: {look(tree, 'model.pooling.kind')}"})


def _length(folder: Path, _: str, network: Config, tree: Tree, result: SentenceEncoder) -> None:
    """Read the longest text, symbols included: longer ones are cut."""
    if not (folder / LENGTH).is_file():
        return
    config = read_config(folder / LENGTH)
    if length := config.get("max_seq_length"):
        longest = look(tree, "data.max_length", length)
        put(tree, "data.max_length", min(length, longest))
    if config.get("do_lower_case"):
        help = "a tokenizer that lowercases says so itself"
        config.refuse("do_lower_case", "texts become lower case before their tokens", help)
    for key in ("model_args", "tokenizer_args", "config_args"):
        if config.get(key):
            config.refuse(key, f"`{key}` changes what the files say")
    _only(config, transformer_task="feature-extraction", module_output_name="token_embeddings")
    config.get("modality_config")
    config.refuse_unknown(["max_seq_length", "do_lower_case"])
    network.wrong += config.wrong
    length = f"data.max_length: {look(tree, 'data.max_length')}"
    result.take(config, LENGTH, {"max_seq_length": length})


def _texts(folder: Path, network: Config, tree: Tree, result: SentenceEncoder) -> None:
    """Refuse what is written before every text, and a score that is not the cosine."""
    if not (folder / TEXTS).is_file():
        return
    config = read_config(folder / TEXTS)
    if (prompt := config.get("default_prompt_name")) is not None:
        help = "remove the key from a copy, and write the prompt before your texts"
        config.refuse("default_prompt_name", f"every text begins with the prompt `{prompt}`", help)
    for key in ("__version__", "prompts"):
        config.get(key)
    _only(config, model_type="SentenceTransformer")
    score = config.get("similarity_fn_name", "cosine")
    if score != "cosine" and not (score == "dot" and look(tree, "model.pooling.normalize")):
        help = "vectors are the same: remove the key from a copy to have the cosine"
        config.refuse("similarity_fn_name", f"vectors are compared by `{score}`", help)
    config.refuse_unknown(["prompts", "default_prompt_name", "similarity_fn_name"])
    network.wrong += config.wrong
    result.take(config, TEXTS, {})


def _only(config: Config, **values: str) -> None:
    for key, value in values.items():
        if (own := config.get(key, value)) != value:
            config.refuse(key, f"`{key}: {own}`", f"specs can say `{key}: {value}`")
