"""How large a mask may be: each limit ends in an error at its place."""

MASK_TOKENS = 1000
MASK_DEPTH = 50
MASK_TERMS = 64
MASK_PAIRS = 10_000
MASK_NUMBER = 2**20
