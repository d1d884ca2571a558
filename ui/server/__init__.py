"""Serves the page: start, login, log, health."""
