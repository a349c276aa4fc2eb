"""Heads in groups, each with a mask of its own."""

from collections.abc import Iterator
from dataclasses import dataclass

from compiler.ir.labels import labelled, labels
from compiler.lower.kinds import mask_word
from compiler.lower.masking import MaskPlan
from compiler.mask.mask import Mask
from compiler.ops.expression import Hyperparameter
from compiler.ops.op import Predicate
from compiler.spec.attention import Attention

KINDS = ("query", "key", "value")


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadGroup:
    """Some heads of an attention, or all: how many by kind, and their mask.

    `setting` is the path of their mask below that of the attention; a `label` tells groups apart.
    """

    heads: dict[str, Hyperparameter]
    text: str
    reads: Predicate
    setting: str
    label: str = ""

    @property
    def mask(self) -> Mask:
        """Return the mask of their queries."""
        return self.reads.mask


def head_groups(
    settings: Attention, plan: MaskPlan, heads: dict[str, Hyperparameter]
) -> tuple[HeadGroup, ...]:
    """Return all heads together, or those of each mask."""
    if isinstance(settings.mask, str):
        reads = plan.reads(settings.mask)
        return (HeadGroup(heads=heads, text=settings.mask, reads=reads, setting="mask"),)
    return tuple(_groups(settings, plan, heads))


def _groups(
    settings: Attention, plan: MaskPlan, heads: dict[str, Hyperparameter]
) -> Iterator[HeadGroup]:
    share = int(heads["query"].value // heads["key"].value)
    masks = [each.mask for each in settings.head_masks]
    named = labels(range(len(masks)), lambda number: mask_word(masks[number]))
    for number, each in enumerate(settings.head_masks):
        label = named[number]
        counts = {"heads": each.heads, "kv_heads": each.heads // share}
        yield HeadGroup(
            heads={
                k: Hyperparameter(labelled(n.name, label), counts[n.name]) for k, n in heads.items()
            },
            text=each.mask,
            reads=plan.reads(each.mask),
            setting=f"mask.{number}.mask",
            label=label,
        )


def words_of(groups: tuple[HeadGroup, ...]) -> str:
    """The masks of groups, in their order."""
    counts = (f"{{{labelled('heads', each.label)}}}" for each in groups)
    pairs = zip(counts, groups, strict=True)
    return ", ".join(f"{count} masked by `{each.mask.text}`" for count, each in pairs)
