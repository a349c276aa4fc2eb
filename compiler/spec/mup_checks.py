"""Checks of settings that do not go with the maximal update parametrisation."""

from collections.abc import Iterator

from compiler.source.diagnostic import Diagnostic
from compiler.source.node import Node, Path
from compiler.spec.defaults import mup_of
from compiler.spec.mixer import MIXERS
from compiler.spec.paths import at, attentions, groups, note
from compiler.spec.spec import Spec

KIND = ("model", "initialization", "kind")


def optimizer_of_mup(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Refuse optimizers whose rates follow other rules of the width."""
    optimizer = spec.training.optimizer
    if mup_of(spec.model) is not None and not optimizer.IS_ADAM_LIKE:
        why = "its rates are for optimizers that move each weight by about the rate"
        path = ("training", "optimizer", "kind")
        yield _refused(root, path, f"`{optimizer.kind}`", why, "write `optimizer: adamw`")


def network_of_mup(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Refuse parts of a network of which the rules of the width say nothing."""
    if mup_of(spec.model) is None:
        return
    for path, is_plain, why, help in (*_of_ends(spec), *_of_stacks(spec), *_of_layers(spec)):
        if not is_plain:
            yield _refused(root, path, f"`{path[-1]}`", why, help)


def factors_of_mup(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Refuse factors on scores and on logits other than those that go with the widths."""
    mup = mup_of(spec.model)
    if mup is None:
        return
    why = "the factor on scores follows from `d_k` and `base_d_k`"
    for path, attention in attentions(spec):
        own = mup.scale_of_scores(attention.width_of_query(spec.model.width(str(path[1]))))
        if attention.scale not in (None, own):
            yield _refused(root, (*path, "scale"), "`scale`", why, "remove it")
    if spec.model.output.scale not in (1.0, mup.base_width / spec.model.d_model):
        why = "the factor on logits is base_width / d_model"
        yield _refused(root, ("model", "output", "scale"), "`scale`", why, "remove it")


Rule = tuple[Path, bool, str, str]
"""A path, whether its value goes with the rules, why others do not, and how one that does is
written.
"""
OTHER = "choose another initialization, such as `initialization: normal`"


def _of_ends(spec: Spec) -> Iterator[Rule]:
    model = spec.model
    why = "FlexAttention has its own factor on scores"
    yield ("model", "kernel"), model.kernel != "flex", why, "write `kernel: auto`"
    why = "embeddings would grow with the width"
    yield (
        ("model", "embedding", "scale"),
        model.embedding.scale == "none",
        why,
        "write `scale: none`",
    )
    why = "embeddings lead to the stream without a map"
    yield ("model", "embedding", "width"), model.embedding.width is None, why, "remove it"
    why = "the factor on logits would make the bias learn slowly"
    yield ("model", "output", "bias"), not model.output.bias, why, "write `bias: false`"
    why = "the output must be one of tokens"
    yield KIND, not model.is_pooled, f"{why}, not of a text", OTHER
    why = "there is one rate for the matrices of a network, and one width"
    yield KIND, not model.has_two_widths, why, OTHER


def _of_stacks(spec: Spec) -> Iterator[Rule]:
    for name, stack in spec.model.stacks():
        why = "weights of connections between streams have no rule"
        is_plain = stack.residual is None or not stack.residual.dynamic
        yield ("model", name, "residual", "dynamic"), is_plain, why, "write `dynamic: false`"


def _of_layers(spec: Spec) -> Iterator[Rule]:
    for path, group in groups(spec):
        why = "its rules are those of attention and feed-forward networks"
        yield (*path, "block"), not set(group.sub_layers) & MIXERS.keys(), why, OTHER
    for path, attention in attentions(spec):
        why = "its factor comes from products of vectors, which grow with `d_k`"
        yield (
            (*path, "differential"),
            not attention.differential,
            why,
            "write `differential: false`",
        )


def _refused(root: Node, path: Path, what: str, why: str, help: str) -> Diagnostic:
    is_whole = path == KIND
    subject = (
        "`mup` does not go with this network" if is_whole else f"{what} does not go with `mup`"
    )
    return Diagnostic(
        code="mup",
        message=f"{subject}: {why}",
        span=at(root, *path),
        notes=() if is_whole else note("decides it", root, *KIND),
        help=help,
    )


MUP_CHECKS = (optimizer_of_mup, network_of_mup, factors_of_mup)
