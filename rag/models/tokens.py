"""Tokens: their count, the windows and list prices of models, and what of a prompt fits.

Tokens are counted with the tables that ship inside llama-index: nothing is downloaded.
"""

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import tiktoken

from rag.models.prompts import Message, answer_messages, numbered, passage_text
from rag.settings import Settings
from rag.types import Hit, Plan, Turn

_ENCODING = "cl100k_base"
WINDOW = 8192  # tokens of a model that isn't known: small enough for common local ones
_DATE = re.compile(r"-\d{4}-\d{2}-\d{2}$")
SHARE = 0.8  # of a window is used where another model's tokens are counted
_PER_MESSAGE = 4  # tokens that a chat template adds to a message, and to the whole


@cache
def _known_models() -> Mapping[str, Any]:
    return tomllib.loads(Path(__file__).with_name("models.toml").read_text("utf-8"))


def list_price(model: str, prompt: int, completion: int) -> tuple[float | None, str]:
    """The dollars that so many tokens cost, None for an unknown price, and the month of prices."""
    known = _known_models()
    if model not in known["prices"]:
        return None, ""
    per_prompt, per_completion = known["prices"][model]
    return (prompt * per_prompt + completion * per_completion) / 1_000_000, known["prices_of"]


@cache
def _encoding(name: str) -> tiktoken.Encoding:
    tables = distribution("llama-index-core").locate_file("llama_index/core/_static/tiktoken_cache")
    os.environ.setdefault("TIKTOKEN_CACHE_DIR", str(tables))
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
        begun: set[str] = set()
        for n, hit in enumerate(hits, start=1):
            name = hit.passage.report.id
            text = passage_text(n, hit) if name in begun else numbered([(n, hit)])
            begun.add(name)
            # The empty line between passages may be a token of its own.
            left -= count_tokens(text, self.model) + 1
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
    known = (int(size) for size, names in _known_models()["windows"].items() if base in names)
    return Budget(model, settings.context_window or next(known, WINDOW), settings.answer_tokens)
