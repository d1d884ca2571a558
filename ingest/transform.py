"""Chunking as llama-index knows it: a transformation of report nodes to passages' nodes.

Kept apart from `ingest.chunk`, so that an ingest need not load llama-index.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llama_index.core.schema import BaseNode, TextNode, TransformComponent

from ingest.chunk import MAX_TOKENS, chunk
from rag.nodes import passage_to_node


class PassageChunker(TransformComponent):
    """A llama-index transformation of report nodes (metadata "report": Report) to passages."""

    max_tokens: int = MAX_TOKENS

    def __call__(self, nodes: Sequence[BaseNode], **_: Any) -> Sequence[BaseNode]:
        """The passages of all report nodes, as text nodes with stable ids."""
        found: list[TextNode] = []
        for node in nodes:
            report = node.metadata["report"]
            found += map(passage_to_node, chunk(report, self.max_tokens))
        return found
