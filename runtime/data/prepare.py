"""Text files of a spec -> tokenizers and tokenised corpora, made once and kept in a cache.

An entry of the cache is a folder whose name is a hash of all that its content depends on: the bytes
of the files, `data:` and the vocabulary of the spec, and the version of what made it.
"""

import errno
import fcntl
import hashlib
import importlib.metadata
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from compiler.spec.spec import Spec
from runtime.data.corpora import write_corpora
from runtime.data.files import corpus_files
from runtime.data.pairs import Pairs, load_pairs
from runtime.data.tokenizer import Tokenizer, load_tokenizer
from runtime.errors import UserError
