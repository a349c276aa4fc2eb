"""Keys of config.json that say what layers read: windows, and layers without positions.

A reading takes the configuration and the settings so far, and adds to these.
"""

from collections.abc import Callable
from itertools import groupby

from compiler.weights.config import Config
from compiler.weights.settings_tree import Tree, look, put

WINDOWS = dict.fromkeys(("mistral", "qwen2", "qwen3", "qwen3_moe", "gemma2", "gemma3_text"), 4096)
"""The windows of classes where a file lacks `sliding_window`, by `model_type`; others have none.

A file with `null` has none, too.
"""
LAYERS_WITHOUT_WINDOW = 28
"""The first layers of Qwen that have no window, where a file lacks `max_window_layers`."""


def window(config: Config, tree: Tree) -> None:
    """Read `sliding_window`, which counts the position itself, for all layers alike."""
    if size := _window_size(config):
        put(tree, "model.attention.mask", _window(size))


def window_by_layer(config: Config, tree: Tree) -> None:
    """Read which layers have a window: `layer_types`, or the keys of Qwen before it."""
    size, used = _window_size(config), config.get("use_sliding_window", False)
    first = config.get("max_window_layers", LAYERS_WITHOUT_WINDOW)
    count = look(tree, "model.decoder.layers") or 0
    usual = ["full_attention" if each < first else "sliding_attention" for each in range(count)]
    types = config.get("layer_types", usual if used and size else ["full_attention"] * count)
    _layers(config, tree, types, size)


def window_if_used(config: Config, tree: Tree) -> None:
    """Read `sliding_window`, for all layers alike, where `use_sliding_window` is true."""
    size = _window_size(config)
    if config.get("use_sliding_window", False) and size:
        put(tree, "model.attention.mask", _window(size))


def layers_without_positions(config: Config, tree: Tree) -> None:
    """Read `no_rope_layers`, 0 for a layer without positions: by default every fourth has none."""
    count = look(tree, "model.decoder.layers")
    if not isinstance(count, int):
        return  # the table has found that it is missing, or is no number
    every = config.get("no_rope_layer_interval", 4)
    turned = config.get("no_rope_layers", [int((each + 1) % every != 0) for each in range(count)])
    if len(turned) < count:
        message = f"{len(turned)} layers with and without positions, and there are {count} layers"
        config.refuse("no_rope_layers", message)
    elif set(config.get("layer_types", ())) - {"full_attention"}:
        config.refuse("layer_types", "layers of the type `sliding_attention`")
    elif not all(turned[:count]):
        runs = [(bool(each), len(list(run))) for each, run in groupby(turned[:count])]
        layers = [_repeated({} if each else {"position": "none"}, size) for each, size in runs]
        put(tree, "model.decoder.layers", layers)


def every_second_window(config: Config, tree: Tree) -> None:
    """Read `layer_types`: by default the layers of Gemma 2, with a window and without in turn."""
    count = look(tree, "model.decoder.layers") or 0
    usual = ["full_attention" if each % 2 else "sliding_attention" for each in range(count)]
    _layers(config, tree, config.get("layer_types", usual), _window_size(config))


def windows_but_every_sixth(config: Config, tree: Tree) -> None:
    """Read `layer_types`: by default every sixth layer of Gemma 3 has no window."""
    every = config.get("sliding_window_pattern") or config.get("_sliding_window_pattern") or 6
    count = look(tree, "model.decoder.layers") or 0
    usual = [
        "sliding_attention" if (each + 1) % every else "full_attention" for each in range(count)
    ]
    _layers(config, tree, config.get("layer_types", usual), _window_size(config))


def _window_size(config: Config) -> int | None:
    """Return `sliding_window`, or that of the class where the file lacks it."""
    usual = None if "sliding_window" in config else WINDOWS.get(config.model_type)
    found: int | None = config.get("sliding_window", usual)
    return found


def _window(size: int) -> str:
    return f"causal & window({size - 1})"


def _layers(config: Config, tree: Tree, types: list[str], size: int | None) -> None:
    """Write layers of two kinds as groups of those that are alike."""
    count = look(tree, "model.decoder.layers")
    if not isinstance(count, int):
        return  # the table has found that it is missing, or is no number
    if len(types) != count:
        config.refuse("layer_types", f"{len(types)} types of layers, and there are {count} layers")
        return
    if odd := set(types) - {"full_attention", "sliding_attention"}:
        config.refuse("layer_types", f"layers of the type `{sorted(odd)[0]}`")
        return
    if "sliding_attention" in types and not size:
        config.refuse("sliding_window", "layers have a window whose size is missing")
        return
    masks = ["causal" if each == "full_attention" else _window(size or 1) for each in types]
    if len(set(masks)) == 1:
        if masks[0] != "causal":
            put(tree, "model.attention.mask", masks[0])
        return
    groups = [(mask, len(list(run))) for mask, run in groupby(masks)]
    layers = [_repeated({"self_attention": {"mask": mask}}, length) for mask, length in groups]
    put(tree, "model.decoder.layers", layers)


def _repeated(group: Tree, length: int) -> Tree:
    """Return a group of layers that are alike, so many of them."""
    return ({"repeat": length} if length > 1 else {}) | group


def change_layers(tree: Tree, mask: str, change: Callable[[Tree], Tree]) -> None:
    """Change the groups of layers that have a mask."""
    layers = look(tree, "model.decoder.layers")
    if isinstance(layers, list):
        changed = [
            change(each) if each["self_attention"]["mask"] == mask else each for each in layers
        ]
        put(tree, "model.decoder.layers", changed)
    elif mask == look(tree, "model.attention.mask", "causal") and layers:
        put(tree, "model.embedding.position", {"kind": "rotary"} | change({})["position"])
