"""Sentences packed one after the other, and the same sentences padded."""

from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from tests.support.knobs import Tree
from tests.support.mixers import kind_of

LENGTHS = {"source": (5, 1, 3, 2), "target": (1, 6, 2, 4)}
"""The lengths of a few sentences: both streams have long ones, and ones of a single token."""
EXTRA = 3
"""The places of a sentence of padding behind the last."""
WINDOWS = ("all", "causal", "window(2)", "window(left=1, right=3)", "causal & window(2)")


def lengths_of(stream: str) -> tuple[int, ...]:
    """Return the lengths of the sentences of a stream."""
    return LENGTHS["source" if stream == "segments" else stream]


def pad(texts: list[Tensor]) -> Tensor:
    """Pad texts with zeros -> [texts, longest]"""
    return torch.nn.utils.rnn.pad_sequence(texts, batch_first=True)


def pack(packed: ModuleType, texts: list[Tensor], extra: int = EXTRA) -> Any:
    """Pack texts, and a sentence of padding of `extra` places behind them."""
    tokens = [*texts, torch.zeros(extra, dtype=torch.long)]
    offsets = torch.tensor([0, *map(len, tokens)]).cumsum(0).int()
    return packed.Packed(torch.cat(tokens), offsets, max(map(len, tokens)))


def real_places(features: Tensor, lengths: tuple[int, ...]) -> Tensor:
    """Leave padding out: features [texts, longest, width] -> [tokens, width]"""
    return torch.cat([row[:length] for row, length in zip(features, lengths, strict=True)])


def packable(tree: Tree) -> Tree:
    """Return a spec without the settings that keep most random specs from being packed."""
    model = _without(tree["model"])
    model["kernel"] = "auto"
    model.pop("documents", None)
    if "position" in model["embedding"]:
        model["embedding"]["position"] = _position(model["embedding"]["position"])
    return {**tree, "model": model}


def _without(part: Any, key: str = "", stack: str = "") -> Any:
    if isinstance(part, list) and key == "mask":
        return [each | {"mask": _mask(each["mask"], stack)} for each in part]
    if isinstance(part, list):
        return [_without(each, key, stack) for each in part]
    if not isinstance(part, dict):
        return _mask(part, stack) if key == "mask" else part
    found = {
        name: _without(each, name, name if name in ("encoder", "decoder") else stack)
        for name, each in part.items()
    }
    if "position" in found and key != "embedding":
        found["position"] = _position(found["position"])
    if key in ("attention", "self_attention", "cross_attention"):
        found.pop("soft_cap", None)
        found.pop("sinks", None)
        found.pop("differential", None)
        found.pop("dropout", None)
        if key == "cross_attention":
            found.pop("mask", None)
        if "d_k" in found or "d_v" in found:
            found |= {"d_k": found.get("d_k", 4), "d_v": found.get("d_k", 4)}
    return found


def _position(position: Any) -> Any:
    return "none" if kind_of(position) in ("alibi", "relative") else position


def _mask(mask: str, stack: str) -> str:
    usual = "causal" if stack == "decoder" else "all"
    return mask if mask in WINDOWS else usual
