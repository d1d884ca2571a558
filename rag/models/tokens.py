"""Counts tokens with the tables that ship inside llama-index: nothing is downloaded."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import tiktoken
from llama_index.core.base.llms.types import ChatMessage

from rag.models.chat import known_window
from rag.models.prompts import answer_messages, numbered
from rag.settings import Settings
from rag.types import Hit, Plan, Turn

_ENCODING = "cl100k_base"
_SHIPPED = (_ENCODING, "o200k_base")


@cache
def _encoding(name: str) -> tiktoken.Encoding:
    spec = find_spec("llama_index.core")
    if spec is not None and spec.origin:
        cache_dir = Path(spec.origin).parent / "_static" / "tiktoken_cache"
        os.environ.setdefault("TIKTOKEN_CACHE_DIR", str(cache_dir))
    return tiktoken.get_encoding(name)


@cache
def own_encoding(model: str) -> str:
    """The encoding of a model, if it is known and ships; else ""."""
    try:
        name = tiktoken.encoding_name_for_model(model)
    except KeyError:
        return ""
    return name if name in _SHIPPED else ""


def count_tokens(text: str, model: str = "") -> int:
    """How many tokens a text has for a model, or in cl100k where its own encoding isn't known.

    Special tokens count as plain text.
    """
    return len(_encoding(own_encoding(model) or _ENCODING).encode_ordinary(text))


def fits(text: str, limit: int) -> bool:
    """Whether a text has at most `limit` tokens; a short one need not be counted.

    A token is one byte or more.
    """
    return len(text.encode("utf-8", "surrogatepass")) <= limit or count_tokens(text) <= limit


# What of a prompt fits in a model's window: passages are left out whole, from the last.


# The window of a model that isn't known: small enough for common local models.
WINDOW = 8192
# Of a window, where another model's tokens are counted in place of its own. Prompts of ten passages
# (n=400, four languages) have up to 1.05 times as many of Qwen's tokens, and 1.08 to 1.31 of Llama
# 2's: of 117 development questions' prompts none is too long for that in a window of 4,096; with
# 0.9 48 are, and 15 % more passages fit; in a window of 8,192 one passage in 2,340 more fits.
SHARE = 0.8
# What a chat template adds to a message, and to the whole.
_PER_MESSAGE = 4


@dataclass(frozen=True, slots=True)
class Budget:
    """A model's window of so many tokens, some of which are kept for its answer."""

    model: str
    window: int
    answer: int

    def fitting(self, plan: Plan, hits: Sequence[Hit], history: Sequence[Turn]) -> Sequence[Hit]:
        """The first hits, whole, that fit in the window with all else of the prompt."""
        share = 1.0 if own_encoding(self.model) else SHARE
        left = int(share * self.window) - self.answer
        left -= self.tokens(answer_messages(plan, (), history))
        for n, hit in enumerate(hits, start=1):
            # The empty line between passages may be a token of its own.
            left -= count_tokens(numbered(n, hit), self.model) + 1
            if left < 0:
                return hits[: n - 1]
        return hits

    def tokens(self, messages: Sequence[ChatMessage]) -> int:
        """How many tokens a prompt has."""
        texts = (str(message.content) for message in messages)
        return sum(count_tokens(text, self.model) + _PER_MESSAGE for text in texts) + _PER_MESSAGE


def make_budget(settings: Settings) -> Budget:
    """The budget of the model that the settings name."""
    model = settings.answer_model.removeprefix("openai:")
    window = settings.context_window or known_window(model) or WINDOW
    return Budget(model, window, settings.answer_tokens)
