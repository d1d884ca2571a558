"""Turns report files into passages in the store."""
