"""What of a prompt fits in a model's window: passages are left out whole, from the last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llama_index.core.base.llms.types import ChatMessage

from rag.models import known_window
from rag.prompts import answer_messages, numbered
from rag.settings import Settings
from rag.tokens import count_tokens, own_encoding
from rag.types import Hit, QueryPlan, Turn

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

    def fitting(
        self, plan: QueryPlan, hits: Sequence[Hit], history: Sequence[Turn]
    ) -> Sequence[Hit]:
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
