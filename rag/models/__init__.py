"""Embedding models, chat models, the cross-encoder, and their tokens and prompts."""
