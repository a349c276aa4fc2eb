"""Token numbers with a meaning of their own; every vocabulary starts with them."""

PADDING, UNKNOWN, BEGIN, END = range(4)
NAMES = ("<pad>", "<unk>", "<s>", "</s>")
