"""Two baselines that answer the same cases: plain llama-index, and BM25 alone.

Both search the reports' files, cut by llama-index's splitter, with the same embedding model, and
answer from as many passages and tokens as ours with the same chat model. What they don't have is
what this project adds: the parsing of the form, the rankings put together, the recognition of labs
and years, the catalog of tags, the check of what is written.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from llama_index.core.chat_engine.condense_question import DEFAULT_TEMPLATE
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.query_engine.citation_query_engine import (
    CITATION_QA_TEMPLATE,
    DEFAULT_CITATION_CHUNK_OVERLAP,
    DEFAULT_CITATION_CHUNK_SIZE,
)

from eval.baseline_index import Chunks, Search, bm25, dense, load_chunks, part_of
from eval.cases import Case
from eval.grounding import Support, by_rules
from eval.run import BASELINES, run_cases
from rag.answer.extractive import SENTENCES, SENTENCES_WIDE
from rag.answer.pipeline import AnswerStream
from rag.citation.citations import resolve
from rag.citation.quotes import verbatim
from rag.engine import Engine
from rag.models.chat import Generation, make_chat
from rag.models.client import OPENAI
from rag.models.embeddings import make_embedding
from rag.models.prompts import Message, refusal
from rag.models.tokens import SHARE, count_tokens, make_budget
from rag.retrieval.postprocess import fit_budget
from rag.settings import Settings
from rag.text.language import language_of
from rag.text.marks import defuse, stream_known, with_marks
from rag.text.sentences import sentences
from rag.text.tokenize import words
from rag.types import Answer, Citation, Coverage, Hit, Passage, Progress, Turn

# The folder of a baseline's run and what it is called; in the order in which they are told.
NAMES = {"plain": "plain llama-index", "bm25": "BM25"}


class Baseline:
    """Answers like the engine, from what one search finds in the files."""

    def __init__(self, engine: Engine, search: Search, writer: Writer, chunks: Chunks) -> None:
        self.settings: Settings = engine.settings
        self.report = engine.report
        self._engine = engine
        self._search = search
        self._writer = writer
        self._chunks = chunks

    def ask(self, question: str, *, history: Sequence[Turn] = ()) -> AnswerStream:
        """Answer a question; what the model's server fails at is raised."""
        started = time.perf_counter()
        asked = self._writer.asked(question, history)
        planned = time.perf_counter()
        hits = self._search(asked)
        read = fit_budget(hits, self.settings.passages, self.settings.context_tokens)
        sources = sources_of(read, self._chunks)
        found = time.perf_counter()
        writing = Generation()

        def pieces() -> Iterator[str]:
            count = self._sentences(question, history)
            if sources:
                yield from self._writer.pieces(asked, sources, count, writing)

        def finished(text: str) -> Answer:
            timings = {
                "plan_ms": 1000 * (planned - started),
                "retrieve_ms": 1000 * (found - planned),
                "answer_ms": 1000 * (time.perf_counter() - found),
            }
            made = _Made(question, asked, text.strip(), hits, read, sources, writing, timings)
            return self._answer(made)

        return AnswerStream(pieces(), finished, writing.stop)

    def _sentences(self, question: str, history: Sequence[Turn]) -> int:
        """As many as our extractive answer to the question may have."""
        plan = self._engine.plan(question, history=history)
        return SENTENCES_WIDE if plan.wide and plan.intent != "compare" else SENTENCES

    def _answer(self, made: _Made) -> Answer:
        language = language_of(made.question, min_letters=8)
        refused = self._writer.refuses(made.text)
        citations = () if refused else self._citations(made.text, made.sources, language)
        first = [hit.passage.report for hit in made.hits[: self.settings.passages]]
        listed = {info.id: info for info in first}
        writing = made.writing
        completion = count_tokens(made.text, writing.model) if writing.model else 0
        return Answer(
            question=made.question,
            standalone=made.asked,
            text=made.text or refusal(language),
            refused=refused,
            citations=citations,
            hits=tuple(made.hits),
            # It can't tell a list from an answer: what it found is what it would list.
            coverage=Coverage(
                intent="answer",
                reports=tuple(listed),
                labs=tuple(dict.fromkeys(info.lab for info in listed.values())),
                matched_reports=len({hit.passage.report.id for hit in made.hits}),
                read_passages=len(made.read),
                read_reports=len({hit.passage.report.id for hit in made.read}),
                read=tuple(dict.fromkeys(hit.passage.report.id for hit in made.read)),
            ),
            mode=self._writer.name,
            language=language,
            timings=made.timings,
            tokens={"prompt": writing.prompt, "completion": completion},
            index=self._engine.revision,
            run=writing.record("", completion),
        )

    def _citations(
        self, text: str, sources: Sequence[Passage], language: str
    ) -> tuple[Citation, ...]:
        cited = []
        for citation in resolve(text, sources, language):
            info, spans = citation.passage.report, citation.passage.spans
            if found := verbatim(citation.quote, self._chunks.raw[info.id], spans):
                cited.append(replace(citation, quote=found[0], span=found[1]))
        return tuple(cited)


@dataclass(frozen=True, slots=True)
class _Made:
    """What an answer is put together from."""

    question: str
    asked: str
    text: str
    hits: Sequence[Hit]
    read: Sequence[Hit]
    sources: Sequence[Passage]
    writing: Generation
    timings: dict[str, float]


def make_baselines(engine: Engine, tell: Progress) -> dict[str, Baseline]:
    """The baselines over the index of an engine, by the names of `NAMES`.

    Raises:
        ModelError: the embedding model's server failed.
    """
    chunks = load_chunks(engine, tell)
    nodes = chunks.nodes()
    writer = make_writer(engine.settings)
    searches = {"plain": dense(chunks, nodes, engine.settings), "bm25": bm25(chunks, nodes)}
    return {name: Baseline(engine, search, writer, chunks) for name, search in searches.items()}


def run_baselines(
    engine: Engine, cases: Sequence[Case], out: Path, tell: Progress, support: Support = by_rules
) -> tuple[Path, ...]:
    """Run the baselines over the cases into the folders `out`/baselines/NAME, which are returned.

    Raises:
        InputError: a folder can't be written to.
        ModelError: the embedding model's server failed.
    """
    folders = []
    for name, baseline in make_baselines(engine, tell).items():
        folder = out / BASELINES / name
        about, stage = {"name": NAMES[name]}, f"asking {NAMES[name]}"
        run_cases(baseline, cases, folder, tell, stage=stage, about=about, support=support)
        folders.append(folder)
    return tuple(folders)


# How the baselines answer: from numbered sources, as llama-index's CitationQueryEngine does.
#
# What is read is cut into sources of 512 tokens. With a chat model they go into that engine's own
# prompt. Without one the sentences of the sources that are most similar to the question are the
# answer, as many as ours has: headings, form questions, tags, table rows and sentences of fewer
# than
# five words are left out, and so is what was said already. Which words of a source a sentence rests
# on is found by the code that finds them for our answers.


_LEAST_WORDS = 5
_MARKUP = re.compile(r"^(?:#|>|\[\[|<|\||!\[|\*{3,}|-{3,})")
# The words with which a model says, as the prompt bids it, that no source is helpful.
_DENIES = re.compile(
    r"\b(?:no|not|none|cannot|unable|aucune?|pas|ning[uú]n\w*|nenhum\w*|n[aã]o)\b|n['’]t\b|لا|لم"
)


def make_writer(settings: Settings) -> Writer:
    """Who writes with these settings: the chat model that they name, else `Extracts`."""
    return Extracts(settings) if make_chat(settings) is None else Completes(settings)


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
        self, question: str, sources: Sequence[Passage], count: int, writing: Generation
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
        vectors = np.asarray(
            self._embedding.get_text_embedding_batch([text for _, _, text in found])
        )
        near = vectors @ np.asarray(self._embedding.get_query_embedding(question))
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
        llm = make_chat(settings)
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
        return self._llm.complete(_message(prompt), self._settings.timeout).strip()

    def pieces(
        self, question: str, sources: Sequence[Passage], count: int, writing: Generation
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
        yield from stream_known(self._llm.stream(messages, writing), len(sources))

    def refuses(self, text: str) -> bool:
        """Whether it cites nothing and denies: the prompt knows no phrase for that."""
        return not re.search(r"\[\d+\]", text) and bool(_DENIES.search(text.casefold()) or not text)


Writer = Extracts | Completes


def _prompt(question: str, sources: Sequence[Passage]) -> list[Message]:
    numbered = [f"Source {n}:\n{source.text}\n" for n, source in enumerate(sources, start=1)]
    return _message(
        CITATION_QA_TEMPLATE.format(context_str="\n\n".join(numbered), query_str=question)
    )


def _message(prompt: Any) -> list[Message]:
    return [{"role": "user", "content": str(prompt)}]
