"""Masks that cannot be where they stand."""

from collections.abc import Iterator

from compiler.mask.parse import parse
from compiler.mask.relation import empty_row
from compiler.source.diagnostic import Diagnostic, mistake
from compiler.source.node import Node, Path
from compiler.spec.places import at, cross_attentions, note, self_attentions
from compiler.spec.spec import Spec


def cross_attention_mask(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Positions of the source are not before or after positions of the target."""
    for path, attention in cross_attentions(spec):
        if attention.mask == "causal":
            yield mistake(
                at(root, *path, "mask"),
                "causal-cross-attention",
                "cross-attention cannot be causal: it reads another stream",
                "leave `mask` out: a target position reads the whole source; a decoder that waits "
                "for k words of it has `causal | window(k)`",
            )
        elif not parse(attention.mask).terms:
            why = "no position reads anything"
            help = "leave it out to read the whole source"
            yield _empty(root, path, attention.mask, why, help)


def query_rows(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """In self-attention every position must read something, at any length."""
    for path, attention in self_attentions(spec):
        try:
            found = empty_row(parse(attention.mask))
        except ValueError as error:
            yield _empty(root, path, attention.mask, str(error))
            continue
        if found:
            i, length = found
            text = "a single token" if length == 1 else f"{length} tokens"
            why = f"in a text of {text}, position {i} reads nothing"
            yield _empty(root, path, attention.mask, why)


def _empty(root: Node, path: Path, mask: str, why: str, help: str = "") -> Diagnostic:
    help = help or f"write `{mask} | window(0)`: then each position reads at least itself"
    return mistake(at(root, *path, "mask"), "empty-row", f"mask `{mask}`: {why}", help)


def flex_dropout(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """FlexAttention has no weights that could be dropped."""
    for path, attention in self_attentions(spec):
        if spec.model.kernel == "flex" and attention.dropout:
            yield Diagnostic(
                code="flex-dropout",
                message="FlexAttention cannot drop attention weights",
                span=at(root, *path, "dropout"),
                notes=note("decides it", root, "model", "kernel"),
                help="write `dropout: 0` here, or leave `kernel` out",
            )


def flex_settings(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """What the other forms of attention can and FlexAttention, as it is called here, cannot."""
    for path, attention in self_attentions(spec):
        for key in ("kv_heads", "scale", "soft_cap"):
            value = getattr(attention, key)
            if spec.model.kernel == "flex" and value not in (None, attention.heads):
                yield Diagnostic(
                    code="flex-setting",
                    message=f"`kernel: flex` does not go with `{key}`",
                    span=at(root, *path, key),
                    notes=note("decides it", root, "model", "kernel"),
                    help="leave `kernel` out: masks of near positions are cheap without it, too",
                )


def end_of_the_target(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Where a translation ends is not known while it is made."""
    for path, attention in self_attentions(spec):
        if "decoder" in path and parse(attention.mask).needs_length:
            yield mistake(
                at(root, *path, "mask"),
                "unknown-end",
                f"mask `{attention.mask}` asks where the target ends, which is not known while it "
                "is decoded",
                "`last` is for the source: the encoder, and cross-attention",
            )


MASK_CHECKS = (
    cross_attention_mask,
    query_rows,
    flex_dropout,
    flex_settings,
    end_of_the_target,
)
