"""From a trained network to what it answers: translations, continuations, labels, fillings."""
