"""Answers as files: briefs, data, references."""
