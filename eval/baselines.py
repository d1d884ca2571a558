"""Baselines that answer the same cases: plain llama-index with chunks of three sizes, BM25 alone.

All search the reports' files, which llama-index's splitter cuts, with the same embedding model.
They answer without a chat model, from as many passages and tokens as ours: with as many sentences
as ours, those most similar to the question, of sources of 512 tokens, as llama-index's
CitationQueryEngine numbers them.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import bm25s
import numpy as np
import Stemmer
from llama_index.core import Document, VectorStoreIndex
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.query_engine.citation_query_engine import (
    DEFAULT_CITATION_CHUNK_OVERLAP,
    DEFAULT_CITATION_CHUNK_SIZE,
)
from llama_index.core.schema import BaseNode, MetadataMode, TextNode

from eval.cases import Case
from eval.run import BASELINES, run_cases
from rag.answer.extractive import SENTENCES, SENTENCES_WIDE
from rag.answer.pipeline import HITS_PER_ANSWER, AnswerStream
from rag.catalog.tag_fields import ReportInfo
from rag.citation.quotes import resolve, verbatim
from rag.engine import Engine
from rag.llama import ReportEmbedding
from rag.models.embeddings import make_embedding
from rag.models.prompts import refusal
from rag.models.tokens import count_tokens
from rag.retrieval.postprocess import fit_budget
from rag.text.citation_marks import defuse, with_marks
from rag.text.sentences import sentences
from rag.text.tokenize import language_of, words
from rag.types import Answer, Coverage, Hit, Passage, Progress, Turn

# The folder of each run of plain llama-index -> tokens of its chunks, and of their overlap. The
# first are the library's own, which BM25 alone searches too.
CHUNKS = {"plain": (1024, 200), "plain-512": (512, 50), "plain-256": (256, 25)}
NAMES = (*CHUNKS, "bm25")
LEAST_WORDS = 5  # of a sentence of an answer
# Headings, form questions, tags and table rows.
_MARKUP = re.compile(r"^(?:#|>|\[\[|<|\||!\[|\*{3,}|-{3,})")
# The hits for a question, the best first; as many as go with an answer of ours.
Search = Callable[[str], tuple[Hit, ...]]


def _passage(node: BaseNode, info: ReportInfo, raw: str) -> Passage:
    """A chunk as a passage without section and form question."""
    assert isinstance(node, TextNode)
    start = node.start_char_idx or 0
    span = (start, node.end_char_idx or start + len(node.text))
    language = language_of(node.text)
    return Passage(node.node_id, info, "", "", raw[slice(*span)], (span,), language=language)


def dense_search(index: VectorStoreIndex, passages: Mapping[str, Passage]) -> Search:
    """The retriever of an index (in memory, cosine)."""
    retriever = index.as_retriever(similarity_top_k=HITS_PER_ANSWER)

    def search(question: str) -> tuple[Hit, ...]:
        ranked = ((n.node.node_id, n.score or 0.0) for n in retriever.retrieve(question))
        return tuple(Hit(passages[name], score, score) for name, score in ranked)

    return search


def bm25_search(nodes: Sequence[BaseNode], passages: Mapping[str, Passage]) -> Search:
    """BM25 as the documentation of bm25s sets it up: English stop words, an English stemmer."""
    stemmer, index = Stemmer.Stemmer("english"), bm25s.BM25()
    tokens = partial(bm25s.tokenize, stopwords="en", stemmer=stemmer, show_progress=False)
    index.index(tokens([n.get_content(MetadataMode.EMBED) for n in nodes]), show_progress=False)

    def search(question: str) -> tuple[Hit, ...]:
        count = min(HITS_PER_ANSWER, len(nodes))
        numbers, scores = index.retrieve(tokens([question]), k=count, show_progress=False)
        pairs = zip(numbers[0], scores[0], strict=True)
        # What shares no word with the question has no score, and is not found.
        return tuple(Hit(passages[nodes[n].node_id], float(s)) for n, s in pairs if s > 0)

    return search


def sources_of(hits: Sequence[Hit], raw: Mapping[str, str]) -> list[Passage]:
    """What was read, cut into the sources that a CitationQueryEngine numbers."""
    splitter = SentenceSplitter(
        chunk_size=DEFAULT_CITATION_CHUNK_SIZE, chunk_overlap=DEFAULT_CITATION_CHUNK_OVERLAP
    )
    sources = []
    for passage in (hit.passage for hit in hits):
        ((start, end),) = passage.spans
        report = passage.report.id
        for text in splitter.split_text(passage.text):
            # The next source overlaps with the one before it.
            start = raw[report].find(text, start, end)
            if start < 0:
                break
            spans = ((start, start + len(text)),)
            sources.append(replace(passage, id=f"{report}@{start}", text=text, spans=spans))
            start += 1
    return sources


class Baseline:
    """Answers like the engine, from those sources that one search finds and that fit a prompt."""

    def __init__(self, engine: Engine, search: Search, raw: Mapping[str, str]) -> None:
        """`raw` are the files of the reports."""
        self.settings, self.report = engine.settings, engine.report
        self._engine, self._search, self._raw = engine, search, raw
        self._embedding = make_embedding(self.settings)

    def ask(self, question: str, *, history: Sequence[Turn] = ()) -> AnswerStream:
        """Answer a question; a follow-up with the one before it."""
        before = [turn.content for turn in history if turn.role == "user"]
        standalone = " ".join([*before[-1:], question])
        hits = self._search(standalone)
        read = fit_budget(hits, self.settings.passages, self.settings.context_tokens)
        sources = sources_of(read, self._raw)
        # As many sentences as our extractive answer to the question may have.
        plan = self._engine.plan(question, history=history)
        is_wide = plan.wide and plan.intent != "compare"
        text = self._extract(standalone, sources, SENTENCES_WIDE if is_wide else SENTENCES)
        language = language_of(question, min_letters=8)
        citations = []
        for citation in resolve(text, sources, language):
            passage = citation.passage
            if match := verbatim(citation.quote, self._raw[passage.report.id], passage.spans):
                citations.append(replace(citation, quote=match[0], span=match[1]))
        # It can't tell a list from an answer: what it found is what it would list.
        listed = dict.fromkeys(hit.passage.report.id for hit in hits[: self.settings.passages])
        answer = Answer(
            question=question,
            standalone=standalone,
            text=text or refusal(language),
            refused=not text,
            citations=tuple(citations),
            hits=hits,
            coverage=Coverage("answer", reports=tuple(listed), read_passages=len(read)),
            mode="extractive",
            language=language,
            index=self._engine.revision,
        )
        return AnswerStream(iter([answer.text]), lambda _: answer)

    def _extract(self, question: str, sources: Sequence[Passage], limit: int) -> str:
        """Up to `limit` sentences, a line each, whose marks count `sources` from 1."""
        # Each sentence once, whatever its punctuation.
        distinct: dict[frozenset[str], tuple[int, int, str]] = {}
        for n, source in enumerate(sources, start=1):
            for start, end in sentences(source.text):
                text = source.text[start:end].strip("*_ ")
                if not _MARKUP.match(text) and len(words(text)) >= LEAST_WORDS:
                    distinct.setdefault(frozenset(words(text)), (n, start, text))
        if not distinct:
            return ""
        pool = list(distinct.values())
        vectors = self._embedding.get_text_embedding_batch([text for _, _, text in pool])
        similarity = np.asarray(vectors) @ np.asarray(self._embedding.get_query_embedding(question))
        best = np.argsort(-similarity, kind="stable")[:limit]
        chosen = sorted(pool[i] for i in best)
        return "\n".join(with_marks(defuse(text), [n]) for n, _, text in chosen)


def make_baselines(engine: Engine, progress: Progress) -> dict[str, Baseline]:
    """The baselines over the reports of an engine, by the names of `NAMES`."""
    count_tokens("")  # From here on llama-index finds its table of tokens without a network.
    infos = engine.catalog.reports
    raw = {report: engine.report(report).raw for report in sorted(infos)}
    documents = [
        Document(text=text, id_=report, metadata={"file_path": f"{report}.md"})
        for report, text in raw.items()
    ]
    embedding = ReportEmbedding(make_embedding(engine.settings))
    searches: dict[str, Search] = {}
    for done, (name, (size, overlap)) in enumerate(CHUNKS.items()):
        progress("embedding for baselines", done, len(CHUNKS))
        splitter = SentenceSplitter(
            chunk_size=size, chunk_overlap=overlap, id_func=lambda n, file: f"{file.id_}@{n}"
        )
        nodes = splitter.get_nodes_from_documents(documents)
        files = ((node, node.ref_doc_id or "") for node in nodes)
        passages = {node.node_id: _passage(node, infos[file], raw[file]) for node, file in files}
        searches[name] = dense_search(VectorStoreIndex(nodes, embed_model=embedding), passages)
        if name == "plain":
            searches["bm25"] = bm25_search(nodes, passages)
    return {name: Baseline(engine, searches[name], raw) for name in NAMES}


def run_baselines(
    engine: Engine, cases: Sequence[Case], out: Path, progress: Progress
) -> list[Path]:
    """Run the baselines over the cases, each into a folder `out`/baselines/NAME; these folders."""
    asked = [case for case in cases if not case.grades]  # baselines make no surveys
    for name, baseline in make_baselines(engine, progress).items():
        run_cases(baseline, asked, out / BASELINES / name, progress, f"asking ({name})")
    return [out / BASELINES / name for name in NAMES]
