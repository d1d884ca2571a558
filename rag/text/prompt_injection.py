"""Finds text that gives instructions to the machine that answers, not to the reports' readers.

Extractive answers must not quote such an instruction as what a lab said.
"""

import re

from rag.text.tokenize import LISTS, strip_accents

_WORDS = {name: f"(?:{'|'.join(words)})" for name, words in LISTS["instructions"].items()}
_OVERRIDES = re.compile(_WORDS["overrides"].format(**_WORDS))
_INSTRUCTS = re.compile(f"{_OVERRIDES.pattern}|{_WORDS['others'].format(**_WORDS)}")


def overrides(question: str) -> bool:
    """Whether a question tells the machine to ignore its instructions."""
    return bool(_OVERRIDES.search(strip_accents(question)))


def instructs(sentence: str) -> bool:
    """Whether a sentence tells the machine how to answer."""
    return bool(_INSTRUCTS.search(strip_accents(sentence)))
