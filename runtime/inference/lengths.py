"""Limits on the lengths of sources, prompts, translations and continuations."""

from compiler.spec.spec import Spec
from runtime.data.tasks.task import longest_sentence


def longest_source(spec: Spec) -> int:
    """The most tokens of a source: END must have its place in what the network was trained on."""
    return longest_sentence(spec) - 1


def longest_translation(spec: Spec, source: int, prefix: int = 0) -> int:
    """The most tokens of the translation of `source` tokens (section 6.1), END not counted.

    A forced prefix is not counted either, but a table of positions needs rows for both.
    """
    limits = [source + spec.decoding.max_extra_length]
    if spec.decoding.max_length is not None:
        limits.append(spec.decoding.max_length)
    if (positions := spec.model.positions) is not None:
        limits.append(positions - 1 - prefix)
    return min(limits)


def longest_prompt(spec: Spec) -> int:
    """The most tokens of a prompt, which BEGIN precedes."""
    return longest_sentence(spec) - 1


def longest_continuation(spec: Spec, prompt: int) -> int:
    """The most tokens that may follow a prompt of so many, END not counted."""
    limits = [spec.decoding.max_extra_length]
    if spec.decoding.max_length is not None:
        limits.append(spec.decoding.max_length - prompt)
    if (positions := spec.model.positions) is not None:
        limits.append(positions - 1 - prompt)
    return max(min(limits), 0)
