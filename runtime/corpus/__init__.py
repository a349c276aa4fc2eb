"""The English-German corpus of the demo and the tests, which one command of the product writes.

A small model learns it in minutes on a CPU, and yet it cannot be translated word for word. It is
spoken by a grammar of our own (some 250 words, thirty kinds of sentence), so there is as
much of it as one asks for, and no licence but ours. A sentence is a tree (`syntax`) that is put
into order once for each language (`english`, `german`); what is hard about German is real:

* case: articles, adjectives, weak nouns and pronouns, governed by verbs and prepositions;
* verb-final: "..., weil sie den Hund gesehen hat", next to verb-second main clauses;
* antecedent: "it" is er, sie or es and "its" sein or ihr by the gender of a German noun that the
  English does not show; relative pronouns agree with the noun before them.

The German sentence is a function of the English one. Each pair says which phrases of the German
show that a difficulty was mastered, and `runtime.scoring.phenomena` counts them in translations.
"""

from runtime.corpus.files import Corpus, make_corpus, write_corpus
from runtime.corpus.grammar import Pair, pairs
from runtime.corpus.phrase import Phenomenon

__all__ = [
    "Corpus",
    "Pair",
    "Phenomenon",
    "make_corpus",
    "pairs",
    "write_corpus",
]
