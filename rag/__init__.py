"""Answers questions over a store of report passages, with citations."""
