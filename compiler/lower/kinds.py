"""Words for what distinguishes the layers of a stack: local and global attention, experts ..."""

from collections.abc import Iterator

from compiler.mask.parse import parse
from compiler.ops.attention import local_bounds
from compiler.spec.attention import Attention
from compiler.spec.model import LayerGroup


def mask_word(mask: str) -> str:
    """Return `local` for a mask that allows near positions alone, otherwise `global`."""
    return "local" if local_bounds(parse(mask)) else "global"


def attention_word(attention: Attention) -> str:
    """Return `Local` or `Global`; `Mixed` if the heads differ."""
    words = {mask_word(each.mask) for each in attention.head_masks}
    return words.pop().capitalize() if len(words) == 1 else "Mixed"


def layer_words(group: LayerGroup) -> Iterator[str]:
    """Yield words for layers: how positions meet in them, the network after that, and both."""
    mixer, network = _mixer_word(group), _network_word(group)
    yield from filter(None, (mixer, network))
    if mixer and network:
        yield mixer + network


def _mixer_word(group: LayerGroup) -> str:
    if group.mixers:
        words = (word for name in group.mixers for word in name.split("_"))
        return "".join(word.capitalize() for word in words)
    return "" if group.self_attention is None else attention_word(group.self_attention)


def _network_word(group: LayerGroup) -> str:
    if group.feed_forward is None:
        return ""
    return "Dense" if group.feed_forward.experts is None else "Expert"
