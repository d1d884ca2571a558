"""Tokens: their count, the windows and list prices of models, and what of a prompt fits.

Tokens are counted with the tables that ship inside llama-index: nothing is downloaded.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import tiktoken

from rag.models.prompts import Message, answer_messages, numbered
from rag.settings import Settings
from rag.types import Hit, Plan, Turn

_ENCODING = "cl100k_base"
# The window of a model that isn't known, in tokens: small enough for common local models.
WINDOW = 8192
# The windows of OpenAI's models, in tokens. Dated names, such as gpt-4o-2024-08-06, have the same.
_WINDOWS = {
    1_050_000: "gpt-5.4 gpt-5.4-pro gpt-5.5 gpt-5.6-sol gpt-5.6-luna gpt-5.6-terra gpt-6-astra "
    "gpt-6-sol gpt-6-luna gpt-6.1-sol",
    1_047_576: "gpt-4.1 gpt-4.1-mini gpt-4.1-nano",
    400_000: "gpt-5 gpt-5-mini gpt-5-nano gpt-5-pro gpt-5.1 gpt-5.2 gpt-5.2-pro gpt-5.3 "
    "gpt-5.4-mini gpt-5.4-nano",
    200_000: "o1 o1-pro o3 o3-mini o3-pro o4-mini",
    128_000: "gpt-4o gpt-4o-mini gpt-4-turbo chatgpt-4o-latest gpt-5-chat-latest "
    "gpt-5.1-chat-latest gpt-5.2-chat-latest gpt-5.3-chat-latest gpt-5.4-chat-latest",
    16_384: "gpt-3.5-turbo gpt-35-turbo-16k",
    8_192: "gpt-4",
    4_096: "gpt-35-turbo",
}
_DATE = re.compile(r"-\d{4}-\d{2}-\d{2}$")
# Dollars per million tokens of prompt and completion, as OpenAI listed them in PRICES_OF.
# Models that reason first are left out: their reasoning is charged and never seen.
PRICES_OF = "2025-08"
PRICES = {
    "gpt-4.1": (2.0, 8.0),
    "gpt-4.1-mini": (0.4, 1.6),
    "gpt-4.1-nano": (0.1, 0.4),
    "gpt-4o": (2.5, 10.0),
    "gpt-4o-mini": (0.15, 0.6),
}
# The part of a window that is used where another model's tokens are counted in place of its own.
SHARE = 0.8
# What a chat template adds to a message, and to the whole, in tokens.
_PER_MESSAGE = 4


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
    return name if name in (_ENCODING, "o200k_base") else ""


def count_tokens(text: str, model: str = "") -> int:
    """How many tokens a text has for a model, or in cl100k where its own encoding isn't known."""
    # Special tokens count as plain text.
    return len(_encoding(own_encoding(model) or _ENCODING).encode_ordinary(text))


def fits(text: str, limit: int) -> bool:
    """Whether a text has at most `limit` tokens."""
    # A token is one byte or more: a short text need not be counted.
    return len(text.encode("utf-8", "surrogatepass")) <= limit or count_tokens(text) <= limit


@dataclass(frozen=True, slots=True)
class Budget:
    """A model's window of so many tokens, some of which are kept for its answer."""

    model: str
    window: int
    answer: int

    @property
    def usable(self) -> int:
        """How many tokens of the window a prompt may have."""
        share = 1.0 if own_encoding(self.model) else SHARE
        return int(share * self.window) - self.answer

    @property
    def room(self) -> int:
        """How many tokens of passages fit beside all else of a prompt without a conversation."""
        return self.usable - self.tokens(answer_messages(Plan("", ""), (), ()))

    def fitting(
        self, plan: Plan, hits: Sequence[Hit], history: Sequence[Turn], counted: str = ""
    ) -> Sequence[Hit]:
        """The first hits, whole, that fit in the window with all else of the prompt."""
        left = self.usable - self.tokens(answer_messages(plan, (), history, counted))
        for n, hit in enumerate(hits, start=1):
            # The empty line between passages may be a token of its own.
            left -= count_tokens(numbered(n, hit), self.model) + 1
            if left < 0:
                return hits[: n - 1]
        return hits

    def tokens(self, messages: Sequence[Message]) -> int:
        """How many tokens a prompt has."""
        texts = (message["content"] for message in messages)
        return sum(count_tokens(text, self.model) + _PER_MESSAGE for text in texts) + _PER_MESSAGE


def make_budget(settings: Settings) -> Budget:
    """The budget of the model that the settings name."""
    model = settings.answer_model.removeprefix("openai:")
    # "ft:gpt-4o-mini:name:id" is a model that was fine-tuned.
    base = _DATE.sub("", model.split(":")[1] if model.startswith("ft:") else model)
    known = (size for size, names in _WINDOWS.items() if base in names.split())
    return Budget(model, settings.context_window or next(known, WINDOW), settings.answer_tokens)
