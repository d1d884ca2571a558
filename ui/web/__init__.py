"""The web page: its parts and what happens when they are used."""
