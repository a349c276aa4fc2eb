"""Heads in groups, each with a mask of its own."""

from collections.abc import Iterator
from dataclasses import dataclass

from compiler.ir.labels import labelled, labels
from compiler.lower.kinds import mask_word
from compiler.lower.masking import Masking
from compiler.mask.mask import Mask
from compiler.ops.expression import Hyperparameter
from compiler.spec.sub_layer import Attention

KINDS = ("query", "key", "value")


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadGroup:
    """Some heads of an attention, or all: how many by kind, and what is masked for them.

    `setting` is the path of their mask below that of the attention; a `label` tells groups apart.
    """

    heads: dict[str, Hyperparameter]
    masking: Masking
    setting: str
    label: str = ""

    @property
    def mask(self) -> Mask:
        """What their queries may read."""
        return self.masking.reads.mask


def head_groups(
    settings: Attention, maskings: tuple[Masking, ...], heads: dict[str, Hyperparameter]
) -> tuple[HeadGroup, ...]:
    """All heads together, or those of each mask."""
    if isinstance(settings.mask, str):
        (masking,) = maskings
        return (HeadGroup(heads=heads, masking=masking, setting="mask"),)
    return tuple(_groups(settings, maskings, heads))


def _groups(
    settings: Attention, maskings: tuple[Masking, ...], heads: dict[str, Hyperparameter]
) -> Iterator[HeadGroup]:
    share = int(heads["query"].value // heads["key"].value)
    pairs = zip(settings.head_masks, maskings, strict=True)
    masks = [each.mask for each in settings.head_masks]
    named = labels(range(len(masks)), lambda number: mask_word(masks[number]))
    for number, (each, masking) in enumerate(pairs):
        label = named[number]
        counts = {"heads": each.heads, "kv_heads": each.heads // share}
        yield HeadGroup(
            heads={
                k: Hyperparameter(labelled(n.name, label), counts[n.name]) for k, n in heads.items()
            },
            masking=masking,
            setting=f"mask.{number}.mask",
            label=label,
        )


def words_of(groups: tuple[HeadGroup, ...]) -> str:
    """The masks of groups, in their order."""
    counts = (f"{{{labelled('heads', each.label)}}}" for each in groups)
    pairs = zip(counts, groups, strict=True)
    return ", ".join(f"{count} masked by `{each.mask.text}`" for count, each in pairs)
