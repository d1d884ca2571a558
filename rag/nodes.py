"""Passages as llama-index nodes and back."""

from __future__ import annotations

from llama_index.core.schema import NodeWithScore, TextNode

from rag.types import Hit, Passage

_KEY = "passage"


def passage_to_node(passage: Passage) -> TextNode:
    """A text node whose id, text and context line are the passage's."""
    return TextNode(
        id_=passage.id,
        text=passage.text,
        metadata={_KEY: passage, "context": passage.context},
        excluded_embed_metadata_keys=[_KEY],
        excluded_llm_metadata_keys=[_KEY],
        metadata_template="{value}",
        text_template="{metadata_str}\n{content}",
    )


def node_to_passage(node: object) -> Passage:
    """The passage that a node was made from."""
    passage = getattr(node, "metadata", {}).get(_KEY)
    if not isinstance(passage, Passage):
        raise TypeError(f"not a passage's node: {node!r}")
    return passage


def to_scored_node(hit: Hit) -> NodeWithScore:
    """A hit as a scored node."""
    return NodeWithScore(node=passage_to_node(hit.passage), score=hit.score)
