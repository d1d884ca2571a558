"""What the baselines search: the reports' files as plain llama-index splits and embeds them.

The files are Documents with the metadata that matters of SimpleDirectoryReader's, the file's name;
`SentenceSplitter` with its defaults cuts them. Vectors are kept in the folder of the index, so that
only the first run over what it holds embeds.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import bm25s
import numpy as np
import Stemmer
from llama_index.core import Document, VectorStoreIndex
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.schema import MetadataMode, TextNode
from numpy.typing import NDArray

from rag.answer.pipeline import KEPT_HITS
from rag.catalog.fields import ReportInfo
from rag.engine import Engine
from rag.models.embeddings import embedding_name, make_embedding
from rag.models.tokens import count_tokens
from rag.settings import Settings
from rag.text.language import language_of
from rag.types import Hit, Passage, Progress

FOLDER = "baselines"
_BATCH = 64
_FILE_NAME = "file_path"
_CHUNKS, _VECTORS = "chunks.json", "vectors.npy"


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a report's file: from which character to which, and in which language."""

    report: str
    start: int
    end: int
    language: str


@dataclass(frozen=True, slots=True)
class Chunks:
    """All chunks with their texts, the reports that they are of, and a row of vectors for each."""

    chunks: tuple[Chunk, ...]
    raw: Mapping[str, str]
    infos: Mapping[str, ReportInfo]
    vectors: NDArray[np.float32]

    def passage(self, number: int) -> Passage:
        """A chunk, counted from 0, as a passage."""
        chunk = self.chunks[number]
        return part_of(self.infos[chunk.report], self.raw, chunk.start, chunk.end, chunk.language)

    def nodes(self) -> list[TextNode]:
        """The chunks as llama-index's nodes with their vectors; the ids are their numbers."""
        return [
            _node(number, chunk, self.raw, self.vectors[number].tolist())
            for number, chunk in enumerate(self.chunks)
        ]


def part_of(
    info: ReportInfo, raw: Mapping[str, str], start: int, end: int, language: str
) -> Passage:
    """Characters of a report's file as a passage that knows no section and no form question."""
    return Passage(
        id=f"{info.id}@{start}",
        report=info,
        section="",
        prompt="",
        text=raw[info.id][start:end],
        spans=((start, end),),
        language=language,
    )


def load_chunks(engine: Engine, tell: Progress) -> Chunks:
    """The chunks of all reports of an index, embedded at the first run over what it holds.

    Where the folder of the index can't be written to, each run embeds.

    Raises:
        ModelError: the embedding model's server failed.
    """
    infos = engine.catalog.reports
    raw = {report: engine.report(report).raw for report in sorted(infos)}
    folder = engine.settings.index / FOLDER / _key(engine, raw)
    kept = _read(folder)
    if kept is None:
        chunks = split(raw)
        vectors = _embedded(engine, [_node(n, c, raw) for n, c in enumerate(chunks)], tell)
        # No run fails for want of a cache.
        with suppress(OSError):
            _keep(folder, chunks, vectors)
        kept = chunks, vectors
    return Chunks(kept[0], raw, infos, kept[1])


def split(raw: Mapping[str, str]) -> tuple[Chunk, ...]:
    """The chunks of files, by report and place."""
    count_tokens("")  # From here on llama-index finds its table of tokens without a network.
    documents = [
        Document(text=text, id_=report, metadata={_FILE_NAME: f"{report}.md"})
        for report, text in raw.items()
    ]
    found = []
    for node in SentenceSplitter().get_nodes_from_documents(documents):
        assert isinstance(node, TextNode)
        report, start, end = node.ref_doc_id, node.start_char_idx, node.end_char_idx
        if report is not None and start is not None and end is not None:
            found.append(Chunk(report, start, end, language_of(node.text)))
    return tuple(found)


def _node(
    number: int, chunk: Chunk, raw: Mapping[str, str], vector: list[float] | None = None
) -> TextNode:
    return TextNode(
        id_=str(number),
        text=raw[chunk.report][chunk.start : chunk.end],
        metadata={_FILE_NAME: f"{chunk.report}.md"},
        embedding=vector,
    )


def searched(node: TextNode) -> str:
    """The text of a node that is embedded and searched: the file's name goes before it."""
    return node.get_content(MetadataMode.EMBED)


def _embedded(engine: Engine, nodes: list[TextNode], tell: Progress) -> NDArray[np.float32]:
    model = make_embedding(engine.settings)
    rows: list[list[float]] = []
    for first in range(0, len(nodes), _BATCH):
        rows += model.get_text_embedding_batch(
            [searched(node) for node in nodes[first : first + _BATCH]]
        )
        tell("embedding for baselines", len(rows), len(nodes))
    return np.asarray(rows, np.float32)


def _key(engine: Engine, raw: Mapping[str, str]) -> str:
    """What the vectors depend on, as the name of a folder."""
    made_by = (
        engine.revision,
        embedding_name(engine.settings),
        version("llama-index-core"),
        str(engine.settings.mask_contacts),
        SentenceSplitter().model_dump_json(include={"chunk_size", "chunk_overlap"}),
        str(sum(map(len, raw.values()))),
    )
    return hashlib.sha256("\n".join(made_by).encode()).hexdigest()[:16]


def _read(folder: Path) -> tuple[tuple[Chunk, ...], NDArray[np.float32]] | None:
    try:
        rows: list[list[Any]] = json.loads((folder / _CHUNKS).read_text(encoding="utf-8"))
        vectors = np.load(folder / _VECTORS, allow_pickle=False)
        chunks = tuple(Chunk(*row) for row in rows)
    except (OSError, ValueError, TypeError):
        return None  # There is none, or it is damaged: it is made anew.
    return (chunks, vectors) if len(chunks) == len(vectors) else None


def _keep(folder: Path, chunks: tuple[Chunk, ...], vectors: NDArray[np.float32]) -> None:
    """Keep chunks in a folder that is whole from when it is there; older ones go."""
    folder.parent.mkdir(exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=folder.parent))
    rows = [[c.report, c.start, c.end, c.language] for c in chunks]
    (made / _CHUNKS).write_text(json.dumps(rows), encoding="utf-8")
    np.save(made / _VECTORS, vectors)
    for old in folder.parent.iterdir():
        if old.is_dir() and old != made:
            shutil.rmtree(old, ignore_errors=True)
    os.replace(made, folder)


# How the baselines search: llama-index's vector index, and BM25 alone, over the same chunks.


# The hits for a question, the best first; as many as go with an answer of ours.
Search = Callable[[str], tuple[Hit, ...]]


def dense(chunks: Chunks, nodes: list[TextNode], settings: Settings) -> Search:
    """The retriever of a VectorStoreIndex (in memory, cosine) with our embedding model."""
    index = VectorStoreIndex(nodes=nodes, embed_model=make_embedding(settings))
    retriever = index.as_retriever(similarity_top_k=KEPT_HITS)

    def search(question: str) -> tuple[Hit, ...]:
        found = retriever.retrieve(question)
        return tuple(
            Hit(chunks.passage(int(one.node.node_id)), one.score or 0.0, one.score or 0.0)
            for one in found
        )

    return search


def bm25(chunks: Chunks, nodes: list[TextNode]) -> Search:
    """BM25 as the documentation of bm25s sets it up: English stop words, an English stemmer."""
    stemmer = Stemmer.Stemmer("english")

    def tokens(texts: list[str]) -> object:
        return bm25s.tokenize(texts, stopwords="en", stemmer=stemmer, show_progress=False)

    index = bm25s.BM25()
    index.index(tokens([searched(node) for node in nodes]), show_progress=False)

    def search(question: str) -> tuple[Hit, ...]:
        count = min(KEPT_HITS, len(nodes))
        numbers, scores = index.retrieve(tokens([question]), k=count, show_progress=False)
        pairs = zip(numbers[0], scores[0], strict=True)
        # What shares no word with the question has no score, and is not found.
        return tuple(Hit(chunks.passage(int(n)), float(s)) for n, s in pairs if s > 0)

    return search
