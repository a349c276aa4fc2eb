"""Checks of masks that cannot be where they stand."""

from collections.abc import Iterator

from compiler.mask.parse import MaskError, parse
from compiler.mask.relation import empty_row, reads_within
from compiler.source.diagnostic import Diagnostic, mistake
from compiler.source.node import Node, Path, find
from compiler.spec.attention import Attention
from compiler.spec.model import LayerGroup
from compiler.spec.paths import (
    at,
    attentions,
    cross_attentions,
    groups,
    masks,
    note,
    self_attentions,
)
from compiler.spec.position import BiasPosition, kinds_of
from compiler.spec.spec import Spec

NARROWEST_FLEX_HEAD = 16
"""Triton, in which PyTorch writes FlexAttention for GPUs, multiplies no narrower matrices."""
_BIASES = ", ".join(f"`{kind}`" for kind in kinds_of(BiasPosition))


def cross_attention_mask(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Positions of the source are not before or after positions of the target."""
    longest = spec.data.max_length
    for path, mask in masks(cross_attentions(spec)):
        if mask == "causal":
            yield mistake(
                at(root, *path),
                "causal-cross-attention",
                "cross-attention cannot be causal: it reads another stream",
                "leave `mask` out: a target position reads the whole source; a decoder that waits "
                "for k words of it has `causal | window(k)`",
            )
        elif not reads_within(parse(mask), longest):
            why = f"no position reads anything in texts of at most {longest:,} tokens"
            help = "leave it out to read the whole source"
            yield _empty(root, path, mask, why, help)


def query_rows(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """In self-attention every position must read something, at any length."""
    for path, mask in masks(self_attentions(spec)):
        try:
            found = empty_row(parse(mask))
        except ValueError as error:
            yield _empty(root, path, mask, str(error))
            continue
        if found:
            i, length = found
            text = "a single token" if length == 1 else f"{length} tokens"
            why = f"in a text of {text}, position {i} reads nothing"
            yield _empty(root, path, mask, why)


def _empty(root: Node, path: Path, mask: str, why: str, help: str = "") -> Diagnostic:
    help = help or f"write `{mask} | window(0)`: then each position reads at least itself"
    return mistake(at(root, *path), "empty-row", f"mask `{mask}`: {why}", help)


def flex_dropout(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """FlexAttention has no weights that could be dropped."""
    for path, attention in _for_flex(spec):
        if attention.dropout:
            yield Diagnostic(
                code="flex-dropout",
                message="FlexAttention cannot drop attention weights",
                span=at(root, *path, "dropout"),
                notes=note("decides it", root, "model", "kernel"),
                help="write `dropout: 0` here, or leave `kernel` out",
            )


def flex_settings(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Refuse settings that other kernels of attention have, and FlexAttention here has not."""
    for path, attention in _for_flex(spec):
        own_heads = attention.kv_heads in (None, attention.heads)
        for key, is_plain in (
            ("kv_heads", own_heads),
            ("scale", attention.scale is None),
            ("soft_cap", attention.soft_cap is None),
            ("sinks", not attention.sinks),
            ("differential", not attention.differential),
        ):
            if not is_plain:
                yield Diagnostic(
                    code="flex-setting",
                    message=f"`kernel: flex` does not go with `{key}`",
                    span=at(root, *path, key),
                    notes=note("decides it", root, "model", "kernel"),
                    help="leave `kernel` out: masks of near positions are cheap without it, too",
                )


def flex_widths(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Refuse heads that are narrower than the matrices that FlexAttention multiplies on a GPU."""
    for path, attention in _for_flex(spec):
        own = spec.model.width(str(path[1])) // attention.heads
        for key, text in (("d_k", "a query or key"), ("d_v", "a value")):
            width = getattr(attention, key) or own
            if width < NARROWEST_FLEX_HEAD:
                place = key if find(root, (*path, key)) else "heads"
                yield Diagnostic(
                    code="flex-width",
                    message=f"`kernel: flex` needs heads of at least {NARROWEST_FLEX_HEAD}, and "
                    f"{text} has {width}",
                    span=at(root, *path, place),
                    notes=note("decides it", root, "model", "kernel"),
                    help="fewer or wider heads, or leave `kernel` out",
                )
                break


def _for_flex(spec: Spec) -> Iterator[tuple[Path, Attention]]:
    """Yield the attentions that become FlexAttention."""
    for path, layer in groups(spec):
        is_flex = spec.model.kernel == "flex" and not _takes_no_flex(layer)
        if is_flex and layer.self_attention is not None:
            yield (*path, "self_attention"), layer.self_attention


def flex_nowhere(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """A kernel that no self-attention can take, where there is some."""
    layers = [layer for _, layer in groups(spec) if layer.self_attention]
    if spec.model.kernel == "flex" and layers and all(map(_takes_no_flex, layers)):
        yield mistake(
            at(root, "model", "kernel"),
            "flex-setting",
            "`kernel: flex` changes nothing: no self-attention here can be FlexAttention",
            f"leave it out; what adds to scores ({_BIASES}), and masks that ask where the text "
            "ends, have a form of their own",
        )


def _takes_no_flex(layer: LayerGroup) -> bool:
    """Return whether the scores of a layer get a bias, or its mask asks for the end."""
    if isinstance(layer.position, BiasPosition):
        return True
    mask = layer.self_attention.mask if layer.self_attention else None
    return isinstance(mask, str) and parse(mask).needs_length


def end_of_the_target(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Refuse masks that ask where a translation ends, which is not known while it is made."""
    for path, mask in masks(self_attentions(spec)):
        if "decoder" in path and parse(mask).needs_length:
            yield mistake(
                at(root, *path),
                "unknown-end",
                f"mask `{mask}` asks where the target ends, which is not known while it is decoded",
                "such a mask is for the source: the encoder, and cross-attention",
            )


def differences(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Refuse what does not go with two maps in each head."""
    layers = dict(groups(spec))
    for path, attention in attentions(spec):
        group = layers[path[:-1]]
        if attention.differential and not isinstance(attention.mask, str):
            yield Diagnostic(
                code="differential-head-masks",
                message="`differential` does not go with masks for groups of heads",
                span=at(root, *path, "differential"),
                notes=note("the masks", root, *path, "mask"),
                help="write one mask for all heads, or leave `differential` out",
            )
        if attention.differential and (group.distinct or group.repeat) < group.repeat:
            yield Diagnostic(
                code="differential-in-turn",
                message="`differential` begins with another share in each layer, and these take "
                "turns",
                span=at(root, *path, "differential"),
                notes=note("layers that take turns", root, *path[:-1], "distinct"),
                help="leave `distinct` out, or `differential`",
            )


def shares_of_heads(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Each head has one mask; heads that share their keys and values have the same."""
    for path, attention in attentions(spec):
        heads = sum(each.heads for each in attention.head_masks)
        if heads != attention.heads:
            yield Diagnostic(
                code="uneven-masks",
                message=f"these masks are for {heads} heads of {attention.heads}",
                span=at(root, *path, "mask"),
                notes=note("the heads", root, *path, "heads"),
                help="the heads of all groups together are the heads of the attention",
            )
        shared = attention.heads // (attention.kv_heads or attention.heads)
        for number, each in enumerate(attention.head_masks):
            if shared and each.heads % shared:
                yield Diagnostic(
                    code="uneven-masks",
                    message=f"a group of {each.heads} parts heads that share their keys and "
                    f"values, {shared} each",
                    span=at(root, *path, "mask", number, "heads"),
                    notes=note("the heads of keys and values", root, *path, "kv_heads"),
                    help=f"a multiple of {shared}: a mask is for whole groups of such heads",
                )


def masks_together(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Refuse masks of heads whose union has too many alternatives to be a mask."""
    for path, attention in attentions(spec):
        try:
            parse(" | ".join(each.mask for each in attention.head_masks))
        except MaskError:
            yield mistake(
                at(root, *path, "mask"),
                "bad-mask",
                "these masks together have too many alternatives",
                "write simpler masks, or fewer of them",
            )


def head_masks(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Refuse, beside masks for groups of heads, what works with one mask for all heads only."""
    stacks = dict(spec.model.stacks())
    for path, attention in self_attentions(spec):
        *above, _ = path
        position = stacks[str(path[1])].layers[int(path[3])].position
        if isinstance(attention.mask, str):
            continue
        if isinstance(position, BiasPosition):
            yield Diagnostic(
                code="biased-head-masks",
                message=f"`position: {position.kind}` does not go with masks for groups of heads",
                span=at(root, *path, "mask"),
                notes=note("decides it", root, *above, "position"),
                help="write one mask, or `position: rotary`, which goes with any mask",
            )
        if spec.model.kernel == "flex":
            yield Diagnostic(
                code="flex-setting",
                message="`kernel: flex` does not go with masks for groups of heads",
                span=at(root, *path, "mask"),
                notes=note("decides it", root, "model", "kernel"),
                help="leave `kernel` out: each group has the form that suits its mask, chunks too",
            )


MASK_CHECKS = (
    differences,
    shares_of_heads,
    masks_together,
    head_masks,
    cross_attention_mask,
    query_rows,
    flex_dropout,
    flex_settings,
    flex_widths,
    flex_nowhere,
    end_of_the_target,
)
