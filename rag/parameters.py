"""Parameters that a model refuses, as its server says; remembered while the process lives.

Models that reason want `max_completion_tokens` in place of `max_tokens`, and some no
`temperature`. Their names don't tell which: a deployment is called as its owner likes.
"""

from __future__ import annotations

import re

_NOT_TAKEN = r"(?:(?:is|are|was|does)(?: not|n't) (?:support|allow)|is (?:unsupported|deprecated))"
_REFUSALS = {
    # Not "'max_tokens' or 'max_completion_tokens' is too large", which is about the prompt.
    "max_tokens": re.compile(
        rf"unsupported parameter\W+max_tokens\b|\bmax_tokens\W+{_NOT_TAKEN}"
        r"|\buse\W+max_completion_tokens\b",
        re.IGNORECASE,
    ),
    "temperature": re.compile(
        rf"unsupported (?:parameter|value)\W+temperature\b|\btemperature\W+{_NOT_TAKEN}"
        r"|not support(?:ed)? parameters?\b[^.]{0,80}\btemperature\b",
        re.IGNORECASE,
    ),
}

_refused: dict[tuple[str, str], frozenset[str]] = {}


def refused(url: str, model: str) -> frozenset[str]:
    """Those of `max_tokens` and `temperature` that a model of a server is known to refuse."""
    return _refused.get((url, model), frozenset())


def learn(url: str, model: str, message: str) -> frozenset[str]:
    """What is known to be refused, now that the server has said this of a request."""
    named = {name for name, words in _REFUSALS.items() if words.search(message)}
    _refused[url, model] = refused(url, model) | named
    return _refused[url, model]
