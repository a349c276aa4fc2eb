"""The tokenizer of a folder: which of its files is one."""

from runtime.errors import UserError
from runtime.published import library_vocabulary, sentencepiece_vocabulary
from runtime.published.folder import Folder
from runtime.published.vocabulary import Vocabulary


def find_vocabulary(folder: Folder, usual: str | None) -> Vocabulary:
    """Return the tokenizer of a folder.

    `usual` is the class of tokenizers of folders that do not name theirs. Raises a UserError where
    there is none that is known.
    """
    found = library_vocabulary.find_library_vocabulary(
        folder
    ) or sentencepiece_vocabulary.find_sentencepiece_vocabulary(folder, usual)
    if found is None:
        names = (*library_vocabulary.FILES, *sentencepiece_vocabulary.FILES)
        raise UserError(
            f"{folder.path} has no tokenizer: none of {', '.join(names)}",
            help="`AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)` of transformers "
            "writes a tokenizer.json",
        )
    return found
