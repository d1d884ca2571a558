"""Two baselines that answer the same cases: plain llama-index, and BM25 alone.

Both search the reports' files, cut by llama-index's splitter, with the same embedding model, and
answer from as many passages and tokens as ours, without a chat model: by the sentences that are
most similar to the question, as many as ours has, of sources of 512 tokens, as llama-index's
CitationQueryEngine numbers them.
"""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote

import bm25s
import numpy as np
import Stemmer
from llama_index.core import Document, MockEmbedding, VectorStoreIndex
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.query_engine.citation_query_engine import (
    DEFAULT_CITATION_CHUNK_OVERLAP,
    DEFAULT_CITATION_CHUNK_SIZE,
)
from llama_index.core.schema import MetadataMode, QueryBundle, TextNode
from numpy.typing import NDArray

from eval.cases import Case
from eval.run import BASELINES, run_cases
from rag.answer.extractive import SENTENCES, SENTENCES_WIDE
from rag.answer.pipeline import HITS_PER_ANSWER, AnswerStream
from rag.catalog.tag_fields import ReportInfo
from rag.citation.citations import resolve
from rag.citation.quotes import verbatim
from rag.engine import Engine
from rag.index.vectors import VectorMemo
from rag.models.embeddings import embedding_name, make_embedding
from rag.models.encoder import unit
from rag.models.prompts import refusal
from rag.models.tokens import count_tokens
from rag.retrieval.postprocess import fit_budget
from rag.settings import Settings
from rag.text.citation_marks import defuse, with_marks
from rag.text.language import language_of
from rag.text.sentences import sentences
from rag.text.tokenize import words
from rag.types import Answer, Citation, Coverage, Hit, Passage, Progress, Turn

# The folder of each baseline's run: plain llama-index, and BM25.
NAMES = ("plain", "bm25")
# The folder in the index's where vectors are kept.
FOLDER = "baselines"
# Texts that are embedded at once.
BATCH = 64
# Words that a sentence of an extractive answer has at least.
LEAST_WORDS = 5
_FILE_NAME = "file_path"
# Headings, form questions, tags and table rows.
_MARKUP = re.compile(r"^(?:#|>|\[\[|<|\||!\[|\*{3,}|-{3,})")


@dataclass(frozen=True, slots=True)
class Chunks:
    """All chunks, passages without section and form question, and a row of vectors for each."""

    passages: Sequence[Passage]
    raw: Mapping[str, str]  # the files that they are of
    vectors: NDArray[np.float32]


# The hits for a question, the best first; as many as go with an answer of ours.
Search = Callable[[str], tuple[Hit, ...]]


def load_chunks(engine: Engine, progress: Progress) -> Chunks:
    """The chunks of all reports, each embedded once and kept in the index's folder if it can be."""
    infos, settings = engine.catalog.reports, engine.settings
    raw = {report: engine.report(report).raw for report in sorted(infos)}
    chunks = split(raw, infos)
    texts = [node.get_content(MetadataMode.EMBED) for node in nodes_of(chunks)]
    memo = VectorMemo(settings.index / FOLDER / quote(embedding_name(settings), safe=""))
    vectors, model = memo.find(texts), make_embedding(settings)
    new = [text for text in dict.fromkeys(texts) if text not in vectors]
    for first in range(0, len(new), BATCH):
        batch = new[first : first + BATCH]
        rows = unit(model.get_text_embedding_batch(batch))
        vectors |= dict(zip(batch, rows, strict=True))
        with suppress(OSError):  # No run fails for want of a memo.
            memo.add(batch, rows)
        progress("embedding for baselines", first + len(batch), len(new))
    return Chunks(chunks, raw, np.array([vectors[text] for text in texts], np.float32))


def split(raw: Mapping[str, str], infos: Mapping[str, ReportInfo]) -> list[Passage]:
    """The chunks of files, by report and place."""
    count_tokens("")  # From here on llama-index finds its table of tokens without a network.
    documents = [
        Document(text=text, id_=report, metadata={_FILE_NAME: f"{report}.md"})
        for report, text in raw.items()
    ]
    chunks = []
    for node in SentenceSplitter().get_nodes_from_documents(documents):
        assert isinstance(node, TextNode)
        report, start, end = node.ref_doc_id, node.start_char_idx, node.end_char_idx
        if report is not None and start is not None and end is not None:
            text, spans = raw[report][start:end], ((start, end),)
            name, language = f"{report}@{start}", language_of(node.text)
            chunks.append(Passage(name, infos[report], "", "", text, spans, language=language))
    return chunks


def nodes_of(chunks: Sequence[Passage]) -> list[TextNode]:
    """The chunks as llama-index's nodes, whose ids are their numbers, with their files' names."""
    return [
        TextNode(id_=str(number), text=chunk.text, metadata={_FILE_NAME: f"{chunk.report.id}.md"})
        for number, chunk in enumerate(chunks)
    ]


def dense_search(chunks: Chunks, settings: Settings) -> Search:
    """The retriever of a VectorStoreIndex (in memory, cosine) with our embedding model."""
    nodes = nodes_of(chunks.passages)
    for node, vector in zip(nodes, chunks.vectors, strict=True):
        node.embedding = vector.tolist()
    # What is embedded already needs no model of the library's.
    index = VectorStoreIndex(nodes=nodes, embed_model=MockEmbedding(embed_dim=1))
    retriever = index.as_retriever(similarity_top_k=HITS_PER_ANSWER)
    embedding = make_embedding(settings)

    def search(question: str) -> tuple[Hit, ...]:
        query = QueryBundle(question, embedding=embedding.get_query_embedding(question))
        ranked = ((int(n.node.node_id), n.score or 0.0) for n in retriever.retrieve(query))
        return tuple(Hit(chunks.passages[number], score, score) for number, score in ranked)

    return search


def bm25_search(chunks: Chunks) -> Search:
    """BM25 as the documentation of bm25s sets it up: English stop words, an English stemmer."""
    stemmer, index = Stemmer.Stemmer("english"), bm25s.BM25()
    tokens = partial(bm25s.tokenize, stopwords="en", stemmer=stemmer, show_progress=False)
    texts = [node.get_content(MetadataMode.EMBED) for node in nodes_of(chunks.passages)]
    index.index(tokens(texts), show_progress=False)

    def search(question: str) -> tuple[Hit, ...]:
        count = min(HITS_PER_ANSWER, len(texts))
        numbers, scores = index.retrieve(tokens([question]), k=count, show_progress=False)
        pairs = zip(numbers[0], scores[0], strict=True)
        # What shares no word with the question has no score, and is not found.
        return tuple(Hit(chunks.passages[n], float(s)) for n, s in pairs if s > 0)

    return search


def sources_of(hits: Sequence[Hit], chunks: Chunks) -> list[Passage]:
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
            start = chunks.raw[report].find(text, start, end)
            if start < 0:
                break
            spans = ((start, start + len(text)),)
            sources.append(replace(passage, id=f"{report}@{start}", text=text, spans=spans))
            start += 1
    return sources


class Baseline:
    """Answers like the engine, from those sources that one search finds and that fit a prompt."""

    def __init__(self, engine: Engine, search: Search, chunks: Chunks) -> None:
        self.settings, self.report = engine.settings, engine.report
        self._engine, self._search, self._chunks = engine, search, chunks
        self._embedding = make_embedding(self.settings)

    def ask(self, question: str, *, history: Sequence[Turn] = ()) -> AnswerStream:
        """Answer a question; a follow-up with the one before it."""
        clock = [time.perf_counter()]
        before = [turn.content for turn in history if turn.role == "user"]
        standalone = " ".join([*before[-1:], question])
        clock.append(time.perf_counter())
        hits = self._search(standalone)
        read = fit_budget(hits, self.settings.passages, self.settings.context_tokens)
        sources = sources_of(read, self._chunks)
        clock.append(time.perf_counter())
        # As many sentences as our extractive answer to the question may have.
        plan = self._engine.plan(question, history=history)
        is_wide = plan.wide and plan.intent != "compare"
        text = self._extract(standalone, sources, SENTENCES_WIDE if is_wide else SENTENCES)
        clock.append(time.perf_counter())
        stages = zip(("plan_ms", "retrieve_ms", "answer_ms"), pairwise(clock), strict=True)
        language = language_of(question, min_letters=8)
        # It can't tell a list from an answer: what it found is what it would list.
        listed = dict.fromkeys(hit.passage.report.id for hit in hits[: self.settings.passages])
        answer = Answer(
            question=question,
            standalone=standalone,
            text=text or refusal(language),
            refused=not text,
            citations=self._citations(text, sources, language),
            hits=hits,
            coverage=Coverage("answer", reports=tuple(listed), read_passages=len(read)),
            mode="extractive",
            language=language,
            timings={name: 1000 * (end - start) for name, (start, end) in stages},
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

    def _citations(
        self, text: str, sources: Sequence[Passage], language: str
    ) -> tuple[Citation, ...]:
        cited = []
        for citation in resolve(text, sources, language):
            info, spans = citation.passage.report, citation.passage.spans
            if match := verbatim(citation.quote, self._chunks.raw[info.id], spans):
                cited.append(replace(citation, quote=match[0], span=match[1]))
        return tuple(cited)


def make_baselines(engine: Engine, progress: Progress) -> dict[str, Baseline]:
    """The baselines over the index of an engine, by the names of `NAMES`."""
    chunks = load_chunks(engine, progress)
    searches = dense_search(chunks, engine.settings), bm25_search(chunks)
    return {n: Baseline(engine, s, chunks) for n, s in zip(NAMES, searches, strict=True)}


def run_baselines(
    engine: Engine, cases: Sequence[Case], out: Path, progress: Progress
) -> list[Path]:
    """Run the baselines over the cases, each into a folder `out`/baselines/NAME; these folders."""
    folders = []
    asked = [case for case in cases if not case.grades]  # baselines make no surveys
    for name, baseline in make_baselines(engine, progress).items():
        folder = out / BASELINES / name
        run_cases(baseline, asked, folder, progress, stage=f"asking ({name})")
        folders.append(folder)
    return folders
