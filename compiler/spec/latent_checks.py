"""Checks of settings that do not go with keys and values made of a latent."""

from collections.abc import Iterator

from compiler.source.diagnostic import Diagnostic
from compiler.source.node import Node, Path
from compiler.spec.attention import Attention, LatentAttention
from compiler.spec.paths import at, attentions, note
from compiler.spec.spec import Spec


def settings_beside_latents(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Refuse settings of attention for which keys and values would have to be made in each step."""
    for path, attention in attentions(spec):
        if attention.latent is None:
            continue
        yield from _width(spec, attention, attention.latent, root, path)
        for key, is_plain, why, help in _beside(attention):
            if not is_plain:
                yield Diagnostic(
                    code="latent-attention",
                    message=f"`{key}` does not go with `latent`: {why}",
                    span=at(root, *path, key),
                    notes=note("decides it", root, *path, "latent"),
                    help=help,
                )


def _beside(attention: Attention) -> Iterator[tuple[str, bool, str, str]]:
    """Yield settings, whether they are at rest, why they should be, and how they come to it."""
    heads = attention.kv_heads in (None, attention.heads)
    why = "each head makes keys and values of its own from the latent"
    yield "kv_heads", heads, why, "remove it: there are as many as `heads`"
    why = "the latents are normalised, and keys and values are never made in decoding"
    yield "query_key_norm", attention.query_key_norm is None, why, "remove it"
    why = "attention to latents has no score for reading nothing"
    yield "sinks", not attention.sinks, why, "remove it"
    why = "values are never made in decoding, so that nothing can be added to them"
    yield "value_embedding", not attention.value_embedding, why, "write `value_embedding: false`"
    why = "attention to latents has one map of weights a head"
    yield "differential", not attention.differential, why, "remove it"
    why = "all heads read one cache of latents"
    mask = attention.head_masks[-1].mask
    yield "mask", isinstance(attention.mask, str), why, f"write one mask, such as `mask: {mask}`"


def _width(
    spec: Spec, attention: Attention, latent: LatentAttention, root: Node, path: Path
) -> Iterator[Diagnostic]:
    width = attention.d_k or spec.model.width(str(path[1])) // attention.heads
    if latent.rotary >= width:
        yield Diagnostic(
            code="latent-attention",
            message=f"the rotary part, {latent.rotary} numbers, leaves nothing of a key's {width}",
            span=at(root, *path, "latent", "rotary"),
            notes=note("the width of a key", root, *path, "d_k"),
            help=f"write `rotary: {width // 4 * 2}`: `d_k` holds it, and what a head has for itself"
            if width >= 4
            else f"write `d_k: {2 * latent.rotary}` for the attention, which holds it and more",
        )


LATENT_CHECKS = (settings_beside_latents,)
