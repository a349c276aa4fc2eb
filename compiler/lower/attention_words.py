"""The words of attention's docstrings in generated code, with the papers of what not all have."""

from compiler.lower.head_groups import HeadGroup, words_of
from compiler.mask.mask import ALL, CAUSAL
from compiler.spec.attention import Attention as Settings

PAPER = "Vaswani et al. 2017, section 3.2"


def summary_of(groups: tuple[HeadGroup, ...], settings: Settings) -> str:
    heads, masks = words_of_heads(settings), [each.mask for each in groups]
    if masks == [CAUSAL]:
        return f"Masked self-attention ({PAPER}), {heads}: position i attends to positions 0..i."
    if masks == [ALL]:
        return f"Self-attention ({PAPER}), {heads}; every position attends to all."
    return f"Self-attention ({PAPER}), {heads}{words_of_masks(groups)}."


def words_of_heads(settings: Settings) -> str:
    """Return the words for the heads, with the papers of what not all attentions have."""
    words = "{heads} heads of {d_k}"
    if settings.differential:
        words = "{heads} heads, differences of two maps of {d_k} (Ye et al. 2024)"
    if settings.kv_heads != settings.heads:
        paper = "Shazeer 2019" if settings.kv_heads == 1 else "Ainslie et al. 2023"
        words += f", {{kv_heads}} of keys and values ({paper})"
    if settings.query_key_norm is not None:
        words += ", queries and keys normalised (Dehghani et al. 2023)"
    if settings.sinks:
        words += ", each with a learned score for reading nothing (OpenAI 2025)"
    if settings.output_gate is not None:
        words += ", gated by the layer's input (Qiu et al. 2025)"
    if settings.value_embedding:
        words += ", values beside those of an embedding (Jordan et al. 2024)"
    if settings.latent is not None:
        words += ", keys and values from {latent_width} numbers (DeepSeek-AI 2024)"
    return words


def words_of_masks(groups: tuple[HeadGroup, ...]) -> str:
    """Return the masks of the heads in words, where they do not read all."""
    if len(groups) > 1:
        return f": {words_of(groups)}"
    mask = groups[0].mask
    return "" if mask == ALL else f", masked by `{mask.text}`"
