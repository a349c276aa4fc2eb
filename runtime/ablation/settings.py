"""The settings of a row, as its lock has them: complete, every default written out."""

from collections.abc import Iterator, Mapping

from compiler.spec.lock import LOCK, read_lock_text, read_tree
from runtime.ablation.collect import Outcome
from runtime.ablation.files import PACKAGE

Tree = Mapping[str, object]


def read_settings(outcome: Outcome) -> Tree:
    """The lock that was compiled when the run was queued; numbers as they are written there."""
    path = outcome.folder / PACKAGE / LOCK
    return read_tree(read_lock_text(path), path) if path.is_file() else {}


def leaves(tree: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every setting with its keys; what is in a list, such as kinds of layers, has the list's."""
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            yield from leaves(value, (*path, key))
    elif isinstance(tree, list):
        for value in tree:
            yield from leaves(value, path)
    else:
        yield path, str(tree)


def find_setting(tree: Tree, key: str) -> str | None:
    """What a dotted key comes to after inheritance; None where that is no single value.

    A setting that layers inherit stands in a lock where it applies: `model.attention.d_k`
    is then that of each attention, if they agree.
    """
    wanted = tuple(key.split("."))
    found = list(leaves(tree))
    own = {value for path, value in found if path == wanted}
    inherited = {value for path, value in found if _inherits(path, wanted)}
    values = own or inherited
    return values.pop() if len(values) == 1 else None


def say_setting(tree: Tree, key: str) -> str:
    """The value of a dotted key in a lock, as text for the cell of the base.

    Different values of layers are joined; a dash stands for no value.
    """
    for words in (f"{key}.kind", key):
        wanted = tuple(words.split("."))
        found = [(path, value) for path, value in leaves(tree) if _inherits(path, wanted)]
        nearest = min((len(path) for path, _ in found), default=0)
        values = dict.fromkeys(value for path, value in found if len(path) == nearest and value)
        if values:
            return ", ".join(values)
    return "–"


def _inherits(path: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    """Whether the wanted keys are among those of the path, in order, and end as it does.

    `attention` stands for `self_attention` and `cross_attention`.
    """
    if path[-1:] != wanted[-1:]:
        return False
    keys = iter(path)
    return all(any(key == each or key.endswith(f"_{each}") for key in keys) for each in wanted)


def different_settings(one: Tree, other: Tree, sections: tuple[str, ...]) -> list[str]:
    """`data.folder: a or b`, for each setting of the sections that differs."""
    first, second = (
        setting_values({name: tree[name] for name in sections if name in tree})
        for tree in (one, other)
    )
    return [
        f"{key}: {first.get(key, 'not set')} or {second.get(key, 'not set')}"
        for key in first | second
        if first.get(key) != second.get(key)
    ]


def setting_values(tree: Tree) -> dict[str, str]:
    """By dotted key; what a list has several of, such as kinds of layers, is joined."""
    values: dict[str, str] = {}
    for path, value in leaves(tree):
        key = ".".join(path)
        values[key] = f"{values[key]}, {value}" if key in values else value
    return values
