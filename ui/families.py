"""Prints the families of an index: which passages say the same, word for word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from rag.families import members
from rag.types import Passage
from ui.printing import report_line

SHOWN = 50
Family = tuple[Passage, ...]


def families_to_dict(passages: Iterable[Passage]) -> dict[str, Any]:
    """The families that passages carry, and counts of them, as `--json` prints them."""
    families = members(passages)
    return {
        **_counts(families),
        "families": [[_place(passage) for passage in family] for family in families],
    }


def print_families(passages: Iterable[Passage]) -> None:
    """The largest families, at most SHOWN, each with its first words and where they stand."""
    families = members(passages)
    told = _counts(families)
    sizes = ", ".join(f"{n} of {size}" for size, n in told["sizes"].items())
    print(
        f"{len(families)} families hold {told['passages']} passages of {told['reports']} reports"
        f" (passages a family: {sizes or 'none'}); {told['across_labs']} span two labs or more."
    )
    for family in families[:SHOWN]:
        print(f"\n“{' '.join(family[0].text.split())[:160]}”")
        for passage in family:
            print(f"  {report_line(passage.report)}  [{passage.report.id}]")
    if len(families) > SHOWN:
        print(f"\nand {len(families) - SHOWN} smaller families.")


def _counts(families: Sequence[Family]) -> dict[str, Any]:
    sizes = Counter(map(len, families))
    return {
        "count": len(families),
        "passages": sum(map(len, families)),
        "reports": len({passage.report.id for family in families for passage in family}),
        "across_labs": sum(len({p.report.lab for p in family}) > 1 for family in families),
        "sizes": {str(size): count for size, count in sorted(sizes.items())},
    }


def _place(passage: Passage) -> dict[str, Any]:
    info = passage.report
    return {
        "report": info.id,
        "country": info.lab,
        "year": info.year,
        "kind": info.kind,
        "section": passage.section,
        "prompt": passage.prompt,
        "text": passage.text,
    }
