"""A process that tokenises the lines that another one sends, until that closes the pipe.

    python -m runtime.data.tokenising_worker PARENT TOKENIZERS

PARENT is the number of the process that has started it. Standard input has pickled columns of
lines; standard output gets their tokens, or None where a tokenizer fails.
"""

import os
import pickle
import signal
import sys
from pathlib import Path

from runtime.data.tokenising import packed
from runtime.data.tokenizers.tokenizer import load_tokenizers
from runtime.system.process import end_with


def main() -> None:
    """Answer until the end of standard input. Ctrl-C is the affair of the other process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with(int(sys.argv[1]))
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)  # what a library prints is no answer
        tokenizers = load_tokenizers(Path(sys.argv[2]))
        while True:
            try:
                columns = pickle.load(sys.stdin.buffer)
            except EOFError:
                return
            try:
                answer = packed(tokenizers, columns)
            except Exception:  # the other process meets it, too, and explains it
                answer = None
            pickle.dump(answer, answers, pickle.HIGHEST_PROTOCOL)
            answers.flush()


if __name__ == "__main__":
    main()
