"""From a reference to a complete spec: read, extend, override, inherit, validate, complete."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from compiler.source.diagnostic import Diagnostic, Rejected, in_order, mistake
from compiler.source.limits import BLOCK_LENGTH, LAYER_KINDS
from compiler.source.node import (
    Mapping,
    Node,
    Path,
    Scalar,
    Sequence,
    deepest,
    find,
    is_nothing,
    steps_of,
    with_entry,
)
from compiler.source.span import Span
from compiler.spec.check import check
from compiler.spec.defaults import complete
from compiler.spec.extend import (
    NOT_INHERITED,
    Dropped,
    Extended,
    dropped,
    over,
    read_extended,
    read_file,
)
from compiler.spec.given_vocabulary import other_rows
from compiler.spec.inherit import inherit, task_of
from compiler.spec.library import SpecFile
from compiler.spec.merge import with_chosen_kind
from compiler.spec.overrides import override_all
from compiler.spec.shorthand import former_names, write_out
from compiler.spec.spec import VERSION, Spec
from compiler.spec.tasks import EVERY_STACK, stacks_of
from compiler.spec.unused_keys import unused_keys
from compiler.spec.validate import validate


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A complete spec with the tree that it was read from."""

    spec: Spec
    tree: Mapping
    dropped: tuple[Dropped, ...] = ()
    """Inherited settings that a later choice left without effect."""
    warnings: tuple[Diagnostic, ...] = ()

    def origin(self, path: str) -> Span:
        """Return the place of the setting at a dotted path, or of the deepest one above it."""
        return deepest(self.tree, steps_of(path)).span

    def written(self, path: Path) -> Span | None:
        """Return the place where the value of a setting was written; None for a default."""
        *above, key = path
        holder = find(self.tree, tuple(above))
        if not isinstance(holder, Mapping) or key not in holder.entries.keys() & holder.keys.keys():
            return None
        return holder.entries[str(key)].span


def load(reference: str, overrides: Iterable[str] = ()) -> Loaded:
    """The spec at a path or of the library; raises `Rejected` with all that is wrong with it."""
    return _with_own_rows(resolve(read_extended(reference), override_all(overrides)))


def load_file(file: SpecFile) -> Loaded:
    """The spec of a file, wherever that lies; raises `Rejected` with all that is wrong with it."""
    return _with_own_rows(resolve(read_file(file)))


def _with_own_rows(loaded: Loaded) -> Loaded:
    if wrong := list(other_rows(loaded.spec, loaded.tree)):
        raise Rejected(wrong)
    return loaded


def resolve(extended: Extended, changes: Iterable[Mapping] = ()) -> Loaded:
    """The complete spec of a tree under `changes`, trees of the settings that they set."""
    settings = [write_out(change) for change in changes]
    file, tree, gone = extended.tree, extended.tree, list(extended.dropped)
    for setting in settings:
        gone += dropped(tree, setting)
        tree = replace(over(tree, setting), span=file.span)
    file, tree = _with_method(file), _with_method(tree)
    _require_known_version(tree)
    _require_stacks_of_the_task(tree)
    for each in (file, tree):
        _require_short_lists(each)
    whole = inherit(tree)
    spec = validate(whole, tree)
    found = [*_unused(file, tree, whole), *former_names(tree), *check(spec, whole)]
    if any(each.severity == "error" for each in found):
        raise Rejected(found)
    spec = complete(spec)
    if not settings:
        found += _unchanged(extended, spec)
    return Loaded(spec=spec, tree=whole, dropped=tuple(gone), warnings=in_order(found))


def resolve_whole(whole: Mapping) -> Loaded:
    """The complete spec of a tree in which every place has its settings; raises `Rejected`.

    Keys without effect are not looked for: whoever makes such a tree knows what they do.
    """
    _require_stacks_of_the_task(whole)
    _require_every_stack(whole)
    spec = validate(whole)
    found = check(spec, whole)
    if any(each.severity == "error" for each in found):
        raise Rejected(found)
    return Loaded(spec=complete(spec), tree=whole)


def _with_method(tree: Mapping) -> Mapping:
    """Returns a tree whose `decoding:` has the kind that its keys choose."""
    decoding = tree.get("decoding")
    if not isinstance(decoding, Mapping):
        return tree
    return with_entry(tree, "decoding", with_chosen_kind(decoding), tree.keys["decoding"])


def _require_known_version(tree: Mapping) -> None:
    """Before anything else: with another version all the rest may mean something else."""
    node = tree.get("spec_version")
    if node is None or (isinstance(node, Scalar) and str(node.value) == str(VERSION)):
        return
    message = f"this specformer reads `spec_version: {VERSION}` alone"
    help = "a newer specformer may read it; or leave the key out"
    raise Rejected([mistake(node.span, "spec-version", message, help)])


def _require_stacks_of_the_task(tree: Mapping) -> None:
    """Before validation, which would find much to say about the layers of a superfluous stack."""
    task, model = task_of(tree), tree.get("model")
    stacks = stacks_of(task)
    for stack in EVERY_STACK:
        node = model.get(stack) if isinstance(model, Mapping) else None
        if isinstance(model, Mapping) and node and not is_nothing(node) and stack not in stacks:
            message = f"`task: {task}` has no {stack}"
            help = f"remove it; `{stack}: null` removes what a parent has"
            raise Rejected([mistake(model.keys[stack], "no-such-stack", message, help)])


def _require_short_lists(tree: Mapping) -> None:
    """Raise `Rejected` for lists that are too long, before inheritance multiplies them."""
    wrong = []
    for stack in EVERY_STACK:
        layers = find(tree, ("model", stack, "layers"))
        kinds = layers.items if isinstance(layers, Sequence) else ()
        if layers and len(kinds) > LAYER_KINDS:
            help = "write layers that are alike once, with `repeat`"
            wrong.append(_long(layers.span, LAYER_KINDS, "kinds of layers", len(kinds), help))
            continue
        for holder in (find(tree, ("model", stack)), *kinds):
            block = find(holder, ("block",)) if holder else None
            if block and (count := _leaves(block)) > BLOCK_LENGTH:
                help = "write them as several layers, with `repeat`"
                wrong.append(_long(block.span, BLOCK_LENGTH, "sub-layers of a block", count, help))
    if wrong:
        raise Rejected(wrong)


def _long(span: Span, most: int, what: str, count: int, help: str) -> Diagnostic:
    return mistake(span, "bad-value", f"expected at most {most:,} {what}, got {count:,}", help)


def _leaves(node: Node) -> int:
    """The values in a list, also those in nested lists."""
    return sum(map(_leaves, node.items)) if isinstance(node, Sequence) else 1


def _require_every_stack(whole: Mapping) -> None:
    """Refuse a spec without one of the stacks that `inherit` gives to every spec of its task."""
    task, model = task_of(whole), whole.get("model")
    for stack in stacks_of(task):
        if isinstance(model, Mapping) and model.get(stack) is None:
            message = f"`task: {task}` has a `{stack}`"
            raise Rejected([mistake(model.span, "missing-key", message)])


def _unused(file: Mapping, tree: Mapping, whole: Mapping) -> list[Diagnostic]:
    """Keys without effect; `--set` may leave one of the file's so, as a child does a parent's."""
    alone = list(unused_keys(file, inherit(file)))
    now = unused_keys(tree, whole)
    return [each for each in now if each in alone or each.span.source is not file.span.source]


def _has_another_value(parent: Node, child: Node) -> bool:
    """Return whether some setting of the parent has another value in the child."""
    if isinstance(parent, Scalar) and isinstance(child, Scalar):
        return parent.value != child.value
    if not isinstance(parent, Mapping) or not isinstance(child, Mapping):
        return False
    return any(
        node is not parent.entries[key] and _has_another_value(parent.entries[key], node)
        for key, node in child.entries.items()
        if key in parent.entries
    )


def _unchanged(extended: Extended, spec: Spec) -> list[Diagnostic]:
    """A variant that is equal to its parent is a row of a table by mistake."""
    if extended.parent is None or extended.extends is None:
        return []
    if _has_another_value(extended.parent, extended.tree):
        return []  # as almost always; what follows reads the whole parent
    own = {key: node for key in NOT_INHERITED if (node := extended.tree.get(key))}
    entries = {**extended.parent.entries, **own}
    try:
        _require_short_lists(extended.parent)
        whole = inherit(replace(extended.parent, entries=entries))
        parent = complete(validate(whole))
    except Rejected:  # a parent that is complete only with its children
        return []
    if parent != spec:
        return []
    return [
        Diagnostic(
            code="unchanged",
            message="this variant is equal to its parent",
            span=extended.extends,
            help="nothing differs but the name, once all defaults are filled in",
            severity="warning",
        )
    ]
