"""How the baselines answer: from numbered sources, as llama-index's CitationQueryEngine does.

What is read is cut into sources of 512 tokens. With a chat model they go into that engine's own
prompt. Without one the sentences of the sources that are most similar to the question are the
answer, as many as ours has: headings, form questions, tags, table rows and sentences of fewer than
five words are left out, and so is what was said already. Which words of a source a sentence rests
on is found by the code that finds them for our answers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np
from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.chat_engine.condense_question import DEFAULT_TEMPLATE
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.query_engine.citation_query_engine import (
    CITATION_QA_TEMPLATE,
    DEFAULT_CITATION_CHUNK_OVERLAP,
    DEFAULT_CITATION_CHUNK_SIZE,
)

from eval.baseline_chunks import Chunks, part_of
from rag.budget import SHARE, make_budget
from rag.cite import defuse, stream_known, with_marks
from rag.models import (
    complete_chat,
    embed_query,
    embed_texts,
    make_embedding,
    make_llm,
    stream_chat,
)
from rag.run_record import Writing
from rag.servers import OPENAI
from rag.settings import Settings
from rag.types import Hit, Passage, Turn
from rag.words import sentences, words

_LEAST_WORDS = 5
_MARKUP = re.compile(r"^(?:#|>|\[\[|<|\||!\[|\*{3,}|-{3,})")
# The words with which a model says, as the prompt bids it, that no source is helpful.
_DENIES = re.compile(
    r"\b(?:no|not|none|cannot|unable|aucune?|pas|ning[uú]n\w*|nenhum\w*|n[aã]o)\b|n['’]t\b|لا|لم"
)


def make_writer(settings: Settings) -> Writer:
    """Who writes with these settings: the chat model that they name, else `Extracts`."""
    return Extracts(settings) if make_llm(settings) is None else Completes(settings)


@cache
def _splitter() -> SentenceSplitter:
    return SentenceSplitter(
        chunk_size=DEFAULT_CITATION_CHUNK_SIZE, chunk_overlap=DEFAULT_CITATION_CHUNK_OVERLAP
    )


def sources_of(hits: Sequence[Hit], chunks: Chunks) -> list[Passage]:
    """What was read, cut into the sources that a CitationQueryEngine numbers."""
    found = []
    for passage in (hit.passage for hit in hits):
        ((first, end),) = passage.spans
        at = first
        for text in _splitter().split_text(passage.text):
            # The next source overlaps with the one before it.
            at = chunks.raw[passage.report.id].find(text, at, end)
            if at < 0:
                break
            found.append(part_of(passage.report, chunks.raw, at, at + len(text), passage.language))
            at += 1
    return found


class Extracts:
    """Answers with the sources' own sentences, the most similar to the question."""

    name = "extractive"

    def __init__(self, settings: Settings) -> None:
        self._embedding = make_embedding(settings)

    def asked(self, question: str, history: Sequence[Turn]) -> str:
        """The question after the one before it: nobody is there to put both into one."""
        before = [turn.content for turn in history if turn.role == "user"]
        return " ".join([*before[-1:], question])

    def pieces(
        self, question: str, sources: Sequence[Passage], count: int, writing: Writing
    ) -> Iterator[str]:
        """At most `count` sentences, a line each, whose marks count `sources` from 1."""
        del writing
        told: dict[frozenset[str], tuple[int, int, str]] = {}
        for n, source in enumerate(sources, start=1):
            for start, end in sentences(source.text):
                text = source.text[start:end].strip("*_ ")
                if not _MARKUP.match(text) and len(words(text)) >= _LEAST_WORDS:
                    told.setdefault(frozenset(words(text)), (n, start, text))
        if not told:
            return
        found = list(told.values())
        vectors = np.asarray(embed_texts(self._embedding, [text for _, _, text in found]))
        near = vectors @ np.asarray(embed_query(self._embedding, question))
        best = sorted(np.argsort(-near, kind="stable")[:count].tolist(), key=lambda i: found[i][:2])
        yield "\n".join(with_marks(defuse(found[i][2]), [found[i][0]]) for i in best)

    def refuses(self, text: str) -> bool:
        """Never, unless there is nothing to say."""
        return not text


class Completes:
    """Answers by a completion of CitationQueryEngine's prompt; condenses follow-ups as it is told.

    One prompt, as the engine's compact mode makes where all fits; sources that don't are left out.
    """

    def __init__(self, settings: Settings) -> None:
        llm = make_llm(settings)
        assert llm is not None
        self._llm, self._settings = llm, settings
        self._budget = make_budget(settings)
        self.name = self._budget.model

    def asked(self, question: str, history: Sequence[Turn]) -> str:
        """The question as the prompt of llama-index's condense_question chat engine makes it."""
        if not history:
            return question
        said = "\n".join(f"{turn.role}: {turn.content}" for turn in history)
        prompt = DEFAULT_TEMPLATE.format(question=question, chat_history=said)
        return complete_chat(self._llm, _message(prompt), self._settings.timeout).strip()

    def pieces(
        self, question: str, sources: Sequence[Passage], count: int, writing: Writing
    ) -> Iterator[str]:
        """The model's words; marks of unknown sources are left out, as from our answers."""
        del count
        room = int(SHARE * self._budget.window) - self._budget.answer
        while len(sources) > 1 and self._budget.tokens(_prompt(question, sources)) > room:
            sources = sources[:-1]
        messages = _prompt(question, sources)
        writing.model = self.name
        writing.priced = self._settings.openai_base_url in (None, OPENAI)
        writing.prompt = self._budget.tokens(messages)
        yield from stream_known(stream_chat(self._llm, messages, writing), len(sources))

    def refuses(self, text: str) -> bool:
        """Whether it cites nothing and denies: the prompt knows no phrase for that."""
        return not re.search(r"\[\d+\]", text) and bool(_DENIES.search(text.casefold()) or not text)


Writer = Extracts | Completes


def _prompt(question: str, sources: Sequence[Passage]) -> list[ChatMessage]:
    numbered = [f"Source {n}:\n{source.text}\n" for n, source in enumerate(sources, start=1)]
    return _message(
        CITATION_QA_TEMPLATE.format(context_str="\n\n".join(numbered), query_str=question)
    )


def _message(prompt: Any) -> list[ChatMessage]:
    return [ChatMessage(role=MessageRole.USER, content=str(prompt))]
