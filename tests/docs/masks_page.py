"""`docs/masks.md`: the algebra of masks, with its pictures and what each mask compiles to."""

from collections.abc import Iterator

from compiler.mask.mask import ALL, CAUSAL
from compiler.mask.parse import parse
from compiler.mask.primitives import PRIMITIVES, Example
from compiler.mask.relation import empty_row, rows
from compiler.ops.attention import Attention
from compiler.ops.expression import Hyperparameter
from compiler.ops.op import Cache, Predicate
from compiler.page.markdown import table
from compiler.transforms.select_kernel import kernel

LONGEST = 2**30

INTRODUCTION = """\
# Masks

A mask says which positions a query may read: a predicate of the query's position i and the key's
position j, both counted from 0. `mask:` may stand at `attention:`, `self_attention:` and
`cross_attention:` (where i is a position of the target and j one of the source). Made from the
definitions in `compiler/mask/`.

Masks are combined by `&` (both), `|` (either), `~` (not) and parentheses; `&` binds tighter than
`|`. Numbers are digits from 0 to 9.

**The normal form.** A mask is brought into a normal form: the prime implicants of the relation, as
far as they are needed. `causal & window(3)`, `window(left=3, right=0)` and
`~(~causal | ~window(3))` are one mask, with one text and one code. The normal form
always means what was written, and its text parses to the same form, so that a lock means what its
spec means.
A mask whose simplification would compare more than 1,500 pairs of alternatives (ten alternatives
can be enough) keeps the alternatives that it was written with. Within that limit, masks of `all`,
`causal`, `window` and `first` alone that mean the same have one normal form. Masks with other
primitives mostly have, but not always: `block(2) & ~strided(2) & ~causal` reads nothing, and that
is not seen. A mask whose normal form has more than 64 alternatives, or more than
1,000 words and signs, is refused.

**Heads.** `mask: [{heads: 2, mask: causal & window(64)}, {heads: 6, mask: causal}]` gives groups of
heads masks of their own (as in Sukhbaatar et al. 2019, who learn them). Each group is computed in
the form and decoded from the cache that suit its mask, so that heads which look near cost little.
The heads add up to `heads`; with `kv_heads`, those that share keys and values are in one group.

**What is proved.** Offsets j - i that a mask can read, its *reach*, add up along the layers and
prove a decoder causal; where such an interval is too wide, each mask is looked at by itself, at
all lengths (`block(2) & ~strided(2) | window(0)` is causal, though its interval is [-1, 1]). In
self-attention no query may be left without a key, at any length. Both are decided at the positions
around which bounds meet, and within three periods of the conditions; where these are more than
50,000, the mask is refused. A mask of cross-attention reads something in texts of `data.max_length`
tokens. A query that the data leaves without a key (padding, a source that is too short) gets
exactly zero.

**What it compiles to.** `is_causal` is torch's own causal attention. A *mask* is a tensor of
booleans, made once for all layers: its cost grows as n^2. *Chunks* compute near positions alone:
the cost grows as n. While decoding, a rolling cache drops what no later position reads."""

COMBINED = (
    "causal & window(2)",
    "causal & block(4)",
    "causal & dilated(3)",
    "causal & (window(2) | first(1))",
    "causal & (window(2) | strided(4))",
    "window(1) | first(1)",
    "~window(1) | window(0)",
)
LENGTH = 12
"""The number of positions in the pictures."""


def masks_page() -> str:
    """Return the whole page."""
    return "\n".join([INTRODUCTION, "", *_primitives(), "", *_table(), "", *_combined()]) + "\n"


def _examples() -> list[Example]:
    return [example for each in PRIMITIVES.values() for example in each.examples]


def _primitives() -> Iterator[str]:
    yield "## The primitives"
    for each in _examples():
        yield f"\n**`{each.text}`**: `{each.definition}`. A position reads {each.meaning}."
        yield from _picture(each.text)


def _combined() -> Iterator[str]:
    yield "## Some combinations"
    for text in COMBINED:
        yield f"\n**`{text}`**"
        yield from _picture(text)


def _picture(text: str) -> Iterator[str]:
    """Queries go down, keys go right."""
    yield "```"
    for row in rows(parse(text), LENGTH):
        yield " ".join("■" if row >> j & 1 else "·" for j in range(LENGTH))
    yield "```"


def _table() -> Iterator[str]:
    yield "## Reach, cost, kernel and cache"
    yield ""
    yield "n is the length of the text. In the decoder each mask stands behind `causal &`; where a"
    yield "position would read nothing, `window(0)` is added."
    yield ""
    heads = ("mask", "reach", "in the encoder", "cost", "in the decoder", "cost", "cache")
    texts = (*(each.text for each in _examples()), *COMBINED)
    yield table(heads, map(_row, texts))


def _row(text: str) -> Iterator[str]:
    text += " | window(0)" if empty_row(parse(text)) else ""
    mask = parse(text)
    shown = text.replace("|", "\\|")
    yield f"`{shown}`"
    yield str(mask.dependence)
    yield from _kernel(_reads(text))
    if mask.needs_length:
        yield from ("refused", "", "")
        return
    reads = _reads(f"causal & ({text})")
    yield from _kernel(reads)
    yield _cache(Cache(reads=reads))


def _reads(text: str) -> Predicate:
    return Predicate(place="decoder", mask=parse(text))


def _kernel(reads: Predicate) -> tuple[str, str]:
    """Return the kernel of self-attention with a mask, and how its cost grows."""
    one = Hyperparameter("one", 1)
    dense = Attention(heads=one, kv_heads=one, d_k=one, d_v=one, reads=reads, dropout=None)
    keys = kernel(dense, is_self=True).keys_read(LONGEST)
    if keys < LONGEST:
        return "chunks", f"{keys} n"
    if reads.mask == CAUSAL:
        return "`is_causal`", "n^2 / 2"
    return ("padding alone" if reads.mask == ALL else "mask"), "n^2"


def _cache(cache: Cache) -> str:
    """Return in words what is kept, and what of it is read."""
    if cache.keeps is None:
        return "all" if cache.dilation == 1 else f"all; reads 1 in {cache.dilation}"
    keeps = cache.keeps.mask.predicate
    early, late = (
        sum(keeps(i, j) for j in range(i + 1)) for i in (LENGTH * 8 - 1, LENGTH * 16 - 1)
    )
    if early == late:
        return f"rolling, {late} positions"
    return f"rolling, 1 in {round(LENGTH * 8 / (late - early))}"
