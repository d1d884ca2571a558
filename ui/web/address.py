"""Addresses of the Survey view: what a visitor wants to see of which survey, after "#/survey?"."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from rag.i18n.translations import marked
from rag.survey.columns import MOST
from ui.web.filters import LONGEST_QUESTION

MOST_WORDS = 50  # near words, or ticked rows, that an address may hold
_LONGEST_ADDRESS = 10_000
SHOWN = {
    "found": marked("Speak of it"),
    "about": marked("About it"),
    "mentions": marked("Mention it"),
    "silent": marked("Silent"),
    "all": marked("All"),
}
COLUMNS = {
    "country": marked("Country"),
    "year": marked("Year"),
    "kind": marked("Kind"),
    "title": marked("Report"),
    "verdict": marked("Verdict"),
}
# What a survey is looked at as.
TABS = {
    "": marked("Table"),
    "ladder": marked("Evidence"),
    "map": marked("Gap map"),
    "claim": marked("Claim"),
}
# The fields that a gap map goes by.
MAPS = {
    "country-year": ("country", "year"),
    "theme-year": ("theme", "year"),
    "country-theme": ("country", "theme"),
}
GROUPS = {
    **{n: COLUMNS[n] for n in ("country", "year", "kind", "verdict")},
    "rung": marked("Evidence"),
}


@dataclass(frozen=True, slots=True)
class Address:
    """What a visitor wants to see of which survey.

    `sort` is a column, after "-" the other way round; "" is the likeliest first. `rows` is how
    often more rows were asked for. `check` is the seed of ten silent rows, "" for the table, and
    `ticked` are those of them that the visitor ticked ("0": none of them). `only` narrows the rows
    to a rung, an outcome, what is said to the `claim`, or a cell of a map: ("rung", "test"),
    ("country-year", "Togo", "2023"). `weighed` is "1" where rungs weigh what is said.
    """

    topic: str = ""
    without: tuple[str, ...] = ()
    show: str = "found"
    find: str = ""
    sort: str = ""
    group: str = ""
    rows: int = 1
    check: str = ""
    ticked: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    tab: str = ""
    by: str = "country-year"
    only: tuple[str, ...] = ()
    claim: str = ""
    weighed: str = ""

    @classmethod
    def read(cls, query: object) -> Address:
        """The address of a browser, which may hold anything."""
        text = query[:_LONGEST_ADDRESS] if isinstance(query, str) else ""
        pairs = parse_qsl(text, errors="replace")
        one = dict(pairs)

        def several(key: str) -> tuple[str, ...]:
            return tuple(dict.fromkeys(v for k, v in pairs if k == key))[:MOST_WORDS]

        def known(key: str, among: Any, otherwise: str = "") -> str:
            return one[key] if one.get(key) in among else otherwise

        rows, check = one.get("rows", ""), one.get("check", "")
        return cls(
            topic=" ".join(one.get("topic", "").split())[:LONGEST_QUESTION],
            without=several("without"),
            show=known("show", SHOWN, "found"),
            find=one.get("find", "").strip(),
            sort=known("sort", (*COLUMNS, *(f"-{name}" for name in COLUMNS))),
            group=known("group", GROUPS),
            rows=int(rows) if rows.isdecimal() and len(rows) < 5 else 1,
            check=check if check.isdecimal() and len(check) < 5 else "",
            ticked=several("ticked"),
            columns=several("columns")[:MOST],
            tab=known("tab", TABS),
            by=known("by", MAPS, "country-year"),
            only=tuple(v for k, v in pairs if k == "only")[:3],
            claim=" ".join(one.get("claim", "").split())[:LONGEST_QUESTION],
            weighed=known("weighed", ("1",)),
        )

    def link(self, **changed: Any) -> str:
        """The address with changes; what is as in every first look is left out."""
        new, first = replace(self, **changed), Address()
        values = {f.name: getattr(new, f.name) for f in fields(new)}
        changes = {k: v for k, v in values.items() if v != getattr(first, k)}
        return f"#/survey?{urlencode(changes, doseq=True)}"
