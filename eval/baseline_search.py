"""How the baselines search: llama-index's vector index, and BM25 alone, over the same chunks."""

from __future__ import annotations

from collections.abc import Callable

import bm25s
import Stemmer
from llama_index.core import VectorStoreIndex
from llama_index.core.schema import TextNode

from eval.baseline_chunks import Chunks, searched
from rag.models import make_embedding
from rag.run import KEPT_HITS
from rag.servers import explained
from rag.settings import Settings
from rag.types import Hit

# The hits for a question, the best first; as many as go with an answer of ours.
Search = Callable[[str], tuple[Hit, ...]]


def dense(chunks: Chunks, nodes: list[TextNode], settings: Settings) -> Search:
    """The retriever of a VectorStoreIndex (in memory, cosine) with our embedding model."""
    index = VectorStoreIndex(nodes=nodes, embed_model=make_embedding(settings))
    retriever = index.as_retriever(similarity_top_k=KEPT_HITS)

    def search(question: str) -> tuple[Hit, ...]:
        with explained("embedding model"):
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
