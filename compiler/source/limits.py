"""Limits of the size of a spec and its masks: each ends in an error at its place."""

LAYERS = 1000
"""In one stack, those that take turns counted as often as they are applied."""
LAYER_KINDS = 256
"""In one stack."""
BLOCK_LENGTH = 32
"""Sub-layers in the block of one layer."""
HEAD_GROUPS = 6
"""With masks of their own, in one attention."""
SETTINGS = 500
"""Arguments `--set` of one command."""
ANCESTORS = 100
"""Specs that one spec extends, its parent, the parent of that, and so on."""

MASK_TOKENS = 1000
MASK_DEPTH = 50
MASK_TERMS = 64
MASK_PAIRS = 10_000
MASK_NUMBER = 2**20
MASK_ROUNDS = 10
"""The most rounds of simplification, after which a mask must be in normal form."""
