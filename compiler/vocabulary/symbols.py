"""Token numbers with a meaning of their own; every vocabulary starts with them."""

PADDING, UNKNOWN, BEGIN, END = range(4)
SILENT = (PADDING, BEGIN, END)
"""The symbols that decoding leaves out."""
NAMES = ("<pad>", "<unk>", "<s>", "</s>")

MASK = len(NAMES)
NAMES_WITH_MASK = (*NAMES, "<mask>")
"""The symbols with which the vocabulary of a masked model starts; no text contains them."""
