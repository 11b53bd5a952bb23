"""Source code to model, character by character: the interpreter's own standard library.

Nothing is copied or downloaded: the text is read where Python is installed, so its details follow
the interpreter's version, which is recorded with each trial.
"""

from __future__ import annotations

import os
import re
import sysconfig
from dataclasses import dataclass
from functools import cache
from typing import Dict, Tuple

# Split by file; a file that a version of Python does not have is left out. There is more than
# enough for the windows below in each of those that hold validation and test text.
FILES: Dict[str, Tuple[str, ...]] = {
    "train": (
        *("bdb.py", "calendar.py", "codecs.py", "collections/__init__.py", "configparser.py"),
        *("contextlib.py", "dataclasses.py", "enum.py", "fractions.py", "functools.py", "gzip.py"),
        *("heapq.py", "os.py", "random.py", "shutil.py", "socket.py", "statistics.py"),
        *("subprocess.py", "tempfile.py", "textwrap.py", "threading.py", "traceback.py"),
    ),
    "validation": ("argparse.py", "trace.py"),
    "test": ("mailbox.py", "urllib/parse.py"),
}
# Token 0 stands for every other character.
VOCABULARY = "\N{REPLACEMENT CHARACTER}\n\t" + "".join(map(chr, range(32, 127)))
CONTEXT = 64  # characters that a model sees at most
WINDOWS = 251  # a prime: no batch size divides it, so the last batch of an evaluation is partial
_SPAN = CONTEXT + 1  # a window's characters: each but the last is an input, each but the first due

_OTHERS = re.compile("[^\n\t -~]")
_TOKENS = bytes(max(0, VOCABULARY.find(chr(byte))) for byte in range(256))


@dataclass(frozen=True)
class Corpus:
    """Text as token numbers, a byte each.

    Attributes:
        text: Split name → all of its tokens.
        windows: Split name → a fixed sample, `WINDOWS` times `CONTEXT` + 1 consecutive tokens.
    """

    text: Dict[str, bytes]
    windows: Dict[str, bytes]


def encode(text: str) -> bytes:
    """Turn text into token numbers, a byte a character."""
    return _OTHERS.sub("\0", text).encode("ascii").translate(_TOKENS)


def decode(tokens: bytes) -> str:
    """Turn token numbers back into text."""
    return "".join(VOCABULARY[token] for token in tokens)


@cache
def load(folder: str = "") -> Corpus:
    """Read the corpus, once per process.

    Args:
        folder: Where the standard library lies; by default this interpreter's.

    Raises:
        FileNotFoundError: It has too few sources, e.g. because it is zipped or stripped of them.
    """
    folder = folder or sysconfig.get_paths()["stdlib"]
    text = {split: encode(_read(folder, names)) for split, names in FILES.items()}
    for split, tokens in text.items():
        if len(tokens) < WINDOWS * _SPAN:
            raise FileNotFoundError(
                f"corpus: found {len(tokens):,} characters of {split} text below {folder}; expected"
                f" {WINDOWS * _SPAN:,} from {', '.join(FILES[split])}: train with an interpreter"
                " that has the sources of its standard library"
            )
    return Corpus(text, {split: _sample(tokens) for split, tokens in text.items()})


def _read(folder: str, names: Tuple[str, ...]) -> str:
    found = []
    for name in names:
        path = os.path.join(folder, *name.split("/"))
        if os.path.isfile(path):
            with open(path, encoding="utf-8", errors="replace") as file:
                found.append(file.read())
    return "".join(found)


def _sample(tokens: bytes) -> bytes:
    """Cut windows that are spread evenly over the text and do not overlap."""
    last = len(tokens) - _SPAN
    starts = [last * i // (WINDOWS - 1) for i in range(WINDOWS)]
    return b"".join(tokens[start : start + _SPAN] for start in starts)
