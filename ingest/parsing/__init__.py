"""The text of one report file as tags and answer blocks."""
