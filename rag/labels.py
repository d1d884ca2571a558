"""What the product's own values are called before a reader, on the page and in briefs."""

from __future__ import annotations

FILTER_WORDS = {
    "country": "Lab",
    "year": "Year",
    "type": "Type",
    "kind": "Kind",
    "method": "Method",
    "datasource": "Data source",
    "sdg": "SDG",
    "theme": "Theme",
    "fact": "Fact",
}
MODE_WORDS = {
    "extractive": "Quoted sentences, no language model",
    "catalogue": "Counted from the reports' tags, no language model",
}


def counted(number: int, noun: str) -> str:
    """A number with its noun: "1 report", "1,204 reports"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
