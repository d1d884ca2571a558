"""Answers by a language model: what it reads, one prompt that fits its window, one completion."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from rag.answer.extractive import Digest
from rag.errors import ContextOverflow, ModelError
from rag.index.interface import Index
from rag.models.chat import Generation, truncate
from rag.models.client import OPENAI
from rag.models.prompts import answer_messages, refusal
from rag.models.tokens import make_budget
from rag.retrieval.hybrid import WIDE_TOKENS, SearchResult, add_reports, reports_to_read
from rag.retrieval.postprocess import fit_budget
from rag.settings import Settings
from rag.text.citation_marks import stream_known
from rag.types import Hit, Notice, Plan, Turn

if TYPE_CHECKING:
    from rag.models.chat import ChatModel


@dataclass(frozen=True, slots=True)
class Reading:
    """Chooses what a model reads, of at most `window` tokens, when it begins to write.

    `hits` of what was `found` are read in any case; `digested` makes the plan's digest, if it has
    one.
    """

    plan: Plan
    found: SearchResult
    hits: Sequence[Hit]
    index: Index
    settings: Settings
    window: int
    digested: Callable[[], tuple[Digest, Sequence[Hit], object] | None]
    mask: Callable[[Sequence[Hit]], Sequence[Hit]]

    def __call__(
        self, generation: Generation
    ) -> Generator[str, None, tuple[Sequence[Hit], Mapping[str, str]]]:
        """The passages, first those that a digest without a model quotes, and their files."""
        yield from ()
        plan, index = self.plan, self.index
        first: Sequence[Hit] = ()
        if made := self.digested():
            digest, first, _ = made
            generation.counted, generation.speaking = digest.counted, digest.speaking
        reports = reports_to_read(plan, self.found, index.catalog, first)
        parts = chain.from_iterable(map(index.passages_of, reports))
        sizes = self.settings, self.window
        read = self.mask(add_reports(plan, first, self.hits, reports, parts, *sizes))
        return read, index.texts({hit.passage.report.id for hit in read})


class ModelAnswerer:
    """Answers by one streamed completion of a chat model. Safe to share between threads."""

    def __init__(self, llm: ChatModel, settings: Settings) -> None:
        self._llm = llm
        self._budget = make_budget(settings)
        self._passages, self._most = settings.passages, WIDE_TOKENS * settings.context_tokens
        self.window = self._budget.room
        self.name = self._budget.model
        self._priced = settings.openai_base_url in (None, OPENAI)

    def stream(
        self, plan: Plan, hits: Sequence[Hit], history: Sequence[Turn], generation: Generation
    ) -> Iterator[str]:
        """The model's words with marks of unknown passages left out; the refusal without hits.

        Where its server says that the prompt is too long, it is asked once more with half of the
        passages.

        Raises:
            ModelError: no passage fits in its window, or the model failed.
        """
        if not hits:
            yield refusal(plan.language)
            return
        given, least = hits, self._passages
        if generation.steps:
            # The model asked for all that it found.
            given, least = fit_budget(hits, len(hits), self._most), len(hits)
        read = self._budget.fitting(plan, given, history, generation.counted)
        if not read:
            raise ModelError(Notice("no_passage_fits", {"window": self._budget.window}))
        has_text, spent = False, generation.prompt
        try:
            for piece in self._write(plan, read, history, generation):
                has_text = True
                yield piece
        except ContextOverflow:
            read, generation.prompt = read[: len(read) // 2], spent
            # Some servers notice only while they write: half an answer can't go on.
            if has_text or not read:
                raise
            yield from self._write(plan, read, history, generation)
        # A wide question takes as many as fit: fewer than the usual number are worth a word.
        if len(read) < min(len(hits), least):
            left_out = {"read": len(read), "all": len(hits)}
            generation.notices.insert(0, Notice("passages_left_out", left_out))

    def _write(
        self, plan: Plan, read: Sequence[Hit], history: Sequence[Turn], generation: Generation
    ) -> Iterator[str]:
        messages = answer_messages(plan, read, history, generation.counted)
        generation.model, generation.priced = self.name, self._priced
        generation.read, generation.window = len(read), self._budget.window
        generation.prompt += self._budget.tokens(messages)
        # Closed at once where its end is not waited for, so that the server stops too.
        with closing(self._llm.stream(messages, generation)) as pieces:
            known = stream_known(pieces, len(read))
            yield from truncate(known, generation, self._budget.answer)
