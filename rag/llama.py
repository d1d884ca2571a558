"""Our search, answers and vectors for llama-index: for other pipelines."""

from typing import Any

from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.base.response.schema import Response
from llama_index.core.callbacks import CallbackManager
from llama_index.core.prompts.mixin import PromptMixinType
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import (
    NodeRelationship,
    NodeWithScore,
    QueryBundle,
    RelatedNodeInfo,
    TextNode,
)

from rag.catalog.tag_fields import Filters
from rag.engine import Engine
from rag.export.answer_json import answer_to_dict
from rag.models.embeddings import Embedding
from rag.types import Hit


class ReportRetriever(BaseRetriever):
    """Finds the k best passages for a question; scores are those of the fused rankings."""

    def __init__(self, engine: Engine, k: int = 20, filters: Filters = Filters()) -> None:
        self._engine, self._k, self._filters = engine, k, _checked(filters)
        super().__init__()

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        hits = self._engine.search(query_bundle.query_str, k=self._k, filters=self._filters)
        return [_node(hit) for hit in hits]


class ReportQueryEngine(BaseQueryEngine):
    """Answers with citations: its response has the contract's answer as metadata."""

    def __init__(self, engine: Engine, filters: Filters = Filters()) -> None:
        self._engine, self._filters = engine, _checked(filters)
        super().__init__(CallbackManager([]))

    def _get_prompt_modules(self) -> PromptMixinType:
        return {}

    def _query(self, query_bundle: QueryBundle) -> Response:
        answer = self._engine.ask(query_bundle.query_str, filters=self._filters).answer
        cited = [_node(Hit(citation.passage, 1.0)) for citation in answer.citations]
        return Response(answer.text, cited, answer_to_dict(answer))

    async def _aquery(self, query_bundle: QueryBundle) -> Response:
        return self._query(query_bundle)


class ReportEmbedding(BaseEmbedding):
    """Embeds texts and questions as an index does."""

    def __init__(self, embedding: Embedding) -> None:
        super().__init__(model_name=embedding.name, embed_batch_size=embedding.batch)
        self._of = embedding

    def _get_text_embeddings(self, texts: list[str]) -> list[Any]:
        return [list(map(float, vector)) for vector in self._of.get_text_embedding_batch(texts)]

    def _get_text_embedding(self, text: str) -> Any:
        return self._of.get_query_embedding(text)

    def _get_query_embedding(self, query: str) -> Any:
        return self._of.get_query_embedding(query)

    async def _aget_query_embedding(self, query: str) -> Any:
        return self._of.get_query_embedding(query)


def _checked(filters: object) -> Filters:
    if not isinstance(filters, Filters):
        wanted = "rag.catalog.tag_fields.Filters(country=('Peru',))"
        raise TypeError(f"filters takes {wanted}, no {type(filters).__name__}")
    return filters


def _node(hit: Hit) -> NodeWithScore:
    passage, info = hit.passage, hit.passage.report
    metadata = {"report": info.id, "title": info.title, "country": info.lab, "year": info.year}
    metadata |= {"kind": info.kind, "prompt": passage.prompt, "stage": passage.stage}
    source = {NodeRelationship.SOURCE: RelatedNodeInfo(node_id=info.id)}
    node = TextNode(id_=passage.id, text=passage.text, metadata=metadata, relationships=source)
    return NodeWithScore(node=node, score=hit.score)
