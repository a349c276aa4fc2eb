"""Random specs whose attentions have latents, without what does not go with these."""

from typing import Any

BESIDE = ("kv_heads", "query_key_norm", "sinks", "differential", "value_embedding")


def has_latents(part: Any) -> bool:
    """Whether keys and values are made of latents somewhere."""
    if isinstance(part, dict):
        return "latent" in part or any(map(has_latents, part.values()))
    return isinstance(part, list) and any(map(has_latents, part))


def suit_latents(part: Any) -> None:
    """Removes heads that share keys, norms of keys, and shares of heads that positions turn."""
    if isinstance(part, dict):
        for key in (*BESIDE, "fraction"):
            part.pop(key, None)
        for below in part.values():
            suit_latents(below)
    elif isinstance(part, list):
        for below in part:
            suit_latents(below)
