"""Token numbers with a meaning of their own; every vocabulary starts with them."""

PADDING, UNKNOWN, BEGIN, END = range(4)
NAMES = ("<pad>", "<unk>", "<s>", "</s>")

MASK = len(NAMES)
NAMES_WITH_MASK = (*NAMES, "<mask>")
"""What the vocabulary of a masked language model starts with; no text can contain them."""
