"""Two baselines that answer the same cases: plain llama-index, and BM25 alone.

Both search the reports' files, cut by llama-index's splitter, with the same embedding model, and
answer from as many passages and tokens as ours with the same chat model. What they don't have is
what this project adds: the parsing of the form, the rankings put together, the recognition of labs
and years, the catalogue of tags, the check of what is written.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from eval.baseline_answers import Writer, make_writer, sources_of
from eval.baseline_chunks import Chunks, load_chunks
from eval.baseline_search import Search, bm25, dense
from eval.cases import Case
from eval.grounding import Support, by_rules
from eval.run import BASELINES, run_cases
from rag.candidates import SENTENCES, SENTENCES_WIDE
from rag.cite import resolve
from rag.engine import Engine
from rag.plan import make_plan
from rag.postprocess import fit_budget
from rag.prompts import refusal
from rag.quotes import verbatim
from rag.run_record import Writing
from rag.settings import Settings
from rag.stream import AnswerStream
from rag.tokens import count_tokens
from rag.types import Answer, Citation, Coverage, Filters, Hit, Passage, Progress, Turn
from rag.words import language_of

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
        writing = Writing()

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
        plan = make_plan(question, history, Filters(), self._engine.catalogue)
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
    writing: Writing
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
