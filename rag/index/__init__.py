"""The index on disk and in memory: Chroma, BM25, vectors, duplicates."""
