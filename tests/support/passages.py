"""Passages and reports made up for a test, with as little as it needs to say."""

from collections import Counter
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from rag.catalog.tag_fields import ReportInfo
from rag.index.bm25 import KeywordIndex, Segment
from rag.text.tokenize import terms_and_forms
from rag.types import Hit, Notice, Passage


def report(report_id: str = "r", country: str = "Peru", iso: str = "PE", **more: Any) -> ReportInfo:
    lab = {"countries": (country,), "iso": (iso,) if iso else ()}
    tags = {"title": f"Title of {report_id}", "year": 2023, "type": "learningplan", "kind": "plan"}
    return ReportInfo(report_id, **(lab | tags | more))


def passage(text: str, info: ReportInfo | None = None, **more: Any) -> Passage:
    """A passage of a report, the whole answer to its form question."""
    info = info or report()
    place = {"section": "Learnings", "prompt": "What did you learn?", "stage": "finding"}
    values = {"id": f"{info.id}#{text[:20]}", "text": text, "spans": ((0, len(text)),)}
    return Passage(report=info, **(place | values | more))


def hits(*texts: str) -> list[Hit]:
    found = ((n, passage(text, report(f"r{n}"))) for n, text in enumerate(texts, 1))
    return [Hit(one, 1.0 / n, 0.8) for n, one in found]


def terms_of(passage: Passage) -> tuple[list[str], dict[str, str]]:
    """A passage's terms, and a word as it is written for each that is no pair."""
    return terms_and_forms(passage.in_context, passage.language)


def keyword_index(passages: Sequence[Passage]) -> KeywordIndex:
    found = [terms_of(passage) for passage in passages]
    lengths = np.array([len(terms) for terms, _ in found], np.int32)
    segment = Segment.build(0, [terms for terms, _ in found])
    return KeywordIndex([segment], lengths, np.arange(len(found), dtype=np.int32))


def words_index(passages: Sequence[Passage]) -> Any:
    """What an index knows of the words of passages."""
    found = [terms_of(passage) for passage in passages]
    counts = Counter(term for terms, _ in found for term in set(terms))
    written = {t: form for _, forms in reversed(found) for t, form in forms.items()}
    return SimpleNamespace(
        frequencies=lambda terms: [counts[term] for term in terms], spellings=written
    )


def text_notice(text: str) -> Notice:
    return Notice("text", {"text": text})
