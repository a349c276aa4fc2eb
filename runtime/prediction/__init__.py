"""From a trained encoder to what it says of a text: a label, or the words of its gaps."""
