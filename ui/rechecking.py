"""`asklabs export --verify`: checks saved answers against the index as it is now."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rag.brief_lines import one_line, shortened
from rag.briefs import who
from rag.recheck import CheckedQuote, Rechecked, cited_reports, recheck
from rag.snapshot_cache import current_snapshot
from rag.types import Answer
from ui.printing import print_json

_QUOTE = 100


def verify(answers: Sequence[Answer], index: Path, *, json: bool) -> bool:
    """Print what became of the quotes of answers; returns whether all of them stand.

    Raises:
        IndexMissing, IndexMismatch, IndexDamaged: the index can't be used; says what to do.
    """
    # Whatever made its vectors: none is compared.
    now = current_snapshot(index, {})
    texts = now.texts(cited_reports(answers))
    checked = [recheck(answer, texts, now.revision) for answer in answers]
    if json:
        print_json(rechecked_to_dict(checked, now.revision))
    else:
        for one in checked:
            _print(one)
    return not any(one.failed for one in checked)


def rechecked_to_dict(checked: Sequence[Rechecked], index: str) -> dict[str, Any]:
    """Checked answers as `asklabs export --verify --json` prints them."""
    return {
        "holds": not any(one.failed for one in checked),
        "index": index,
        "answers": [
            {
                "question": one.answer.question,
                "index": one.answer.index,
                "same_index": one.same_index,
                "quotes": [_quote(quote) for quote in one.quotes],
            }
            for one in checked
        ],
    }


def _quote(one: CheckedQuote) -> dict[str, Any]:
    info = one.citation.passage.report
    return {
        "n": one.citation.n,
        "report": info.id,
        "title": info.title,
        "quote": one.citation.quote,
        "state": one.state,
        "span": list(one.span) if one.span else None,
    }


def _print(one: Rechecked) -> None:
    index = "the index is the same" if one.same_index else "the index has changed since"
    standing = len(one.quotes) - len(one.failed)
    print(one_line(one.answer.question))
    print(f"  {standing} of {_quotes(len(one.quotes))} word for word in the reports; {index}.")
    said = {
        "changed": "The report has changed and has this no more",
        "gone": "The report is not in the index any more",
    }
    for failed in one.failed:
        info = failed.citation.passage.report
        print(f"  [{failed.citation.n}] {who(info)}: {one_line(info.title)} [{one_line(info.id)}]")
        print(f"      {said[failed.state]}: “{shortened(one_line(failed.citation.quote), _QUOTE)}”")


def _quotes(n: int) -> str:
    return "1 quote stands" if n == 1 else f"{n} quotes stand"
