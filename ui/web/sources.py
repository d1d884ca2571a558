"""The passages that an answer rests on: its numbers, their cards, and the panel of sources."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from markupsafe import Markup

from rag.catalog.tag_fields import ReportInfo
from rag.export.brief import shortened
from rag.i18n.labels import author_label, format_count
from rag.i18n.notices import verdicts
from rag.i18n.translations import ENGLISH, Translations, language_code
from rag.types import Answer, Citation, Hit, Passage, Span, Status
from ui.rendering import render

_TAG = re.compile(r"\[\[(\w+):\s*(.*?)\s*\]\]")
# Each has a sign of its own, so that colour is never the only difference; the weakest come last.
SIGNS = {"supported": "✓", "unchecked": "○", "partly": "≈", "unsupported": "?", "corrected": "⇄"}
NEAREST = 5  # passages that a refusal shows
UNCITED = 8  # passages that are shown though an answer doesn't cite them
PREVIEW = 240  # characters of a closed card
SHORT = 60  # characters of a quote that a verdict names
QUOTES = 2  # quotes in a popover, where a number stands for several
LONGEST_QUOTE = 320  # characters of a quote in a popover


def find_quote(text: str, quote: str) -> Span | None:
    """Where the words of a quote stand in a passage, white space aside; None if they don't."""
    pattern = r"\s+".join(re.escape(word) for word in quote.split())
    match = re.search(pattern, text) if pattern else None
    return match.span() if match else None


def without_brackets(text: str) -> str:
    """Tag lines of a file as readers know them: "methods: Pilots" for "[[methods:Pilots]]"."""
    return _TAG.sub(r"\1: \2", text)


def segments(text: str, quotes: Sequence[str]) -> list[tuple[str, bool]]:
    """A text in pieces, each with whether it is quoted."""
    pieces, at = [], 0
    for start, end in sorted(filter(None, (find_quote(text, quote) for quote in quotes))):
        if end > at:
            start = max(start, at)
            pieces += [(text[at:start], False), (text[start:end], True)]
            at = end
    return [*pieces, (text[at:], False)]


def by_number(citations: Sequence[Citation]) -> dict[int, list[Citation]]:
    """An answer's citations by number: one passage can be cited for several of its sentences."""
    numbers: dict[int, list[Citation]] = {}
    for citation in citations:
        numbers.setdefault(citation.n, []).append(citation)
    return numbers


def weakest(citations: Sequence[Citation]) -> Status:
    """The status of a number: that of its least supported use, so that no doubt is hidden."""
    return max((c.status for c in citations), key=list(SIGNS).index)


def render_cite(n: int, turn: int, citations: Sequence[Citation], t: Translations) -> Markup:
    """The link of a number; without `citations`, while the answer is written, only the number."""
    label = t.gettext("Source {n}").format(n=n)
    if not citations:
        values = {"who": "", "signs": "", "kinds": ["supported"], "label": label}
        return render("cite.html", t, n=n, turn=turn, **values)
    passage = citations[0].passage
    year = passage.report.year
    who = author_label(passage.report, t) + (f", {year}" if year else "")
    status = verdicts(weakest(citations), any(c.corrected for c in citations), t)
    return render(
        "cite.html",
        t,
        n=n,
        turn=turn,
        kinds=list(status),
        signs="".join(SIGNS[kind] for kind in status if kind != "supported"),
        label=". ".join((f"{label}: {who}", *status.values())),
        who=who,
        quotes="\n".join(
            shortened(without_brackets(c.quote), LONGEST_QUOTE) for c in citations[:QUOTES]
        ),
        language=passage.language,
        verdict="\n".join(f"{SIGNS[kind]} {verdict}" for kind, verdict in status.items()),
    )


def render_card(
    passage: Passage,
    turn: int,
    citations: Sequence[Citation],
    siblings: Sequence[ReportInfo],
    t: Translations,
    is_judged: bool = True,
) -> Markup:
    """One source as a card that opens: who, when and where, then the passage with its quotes.

    `citations` are those that cite the passage, all of one number; none for a passage that the
    answer doesn't cite. `siblings` are other reports that say the same. If not `is_judged`, that a
    quote supports its sentence goes without saying: it is the sentence, or there is none.
    """
    quotes, text = [citation.quote for citation in citations], passage.text
    if passage.id.endswith("#tags"):
        quotes, text = [without_brackets(quote) for quote in quotes], without_brackets(text)
    return render(
        "card.html",
        t,
        passage=passage,
        turn=turn,
        n=citations[0].n if citations else 0,
        preview=shortened((*quotes, text)[0], PREVIEW),
        missing=[q for q in quotes if q.strip() and not find_quote(text, q)],
        reader=language_code(t),
        segments=segments(text, quotes),
        pinned=quotes or [shortened(text, LONGEST_QUOTE).removesuffix(" …")],
        siblings="; ".join(f"{info.title} ({info.year or '?'})" for info in siblings),
        verdicts=dict.fromkeys(
            verdict for verdict in _verdicts(citations, t) if is_judged or verdict[0] != "supported"
        ),
    )


def _verdicts(
    citations: Sequence[Citation], t: Translations
) -> Iterator[tuple[str, str, str, str]]:
    """Kind, sign and words of each verdict, and its quote where not all quotes have it."""
    statuses = [verdicts(c.status, c.corrected, t) for c in citations]
    for citation, status in zip(citations, statuses, strict=True):
        for kind, verdict in status.items():
            is_shared = all(kind in other for other in statuses)
            quote = "" if is_shared else shortened(citation.quote, SHORT)
            yield kind, SIGNS[kind], verdict, quote


def render_uncited(hits: Sequence[Hit], turn: int, t: Translations) -> list[Markup]:
    """Cards of passages that an answer does not cite."""
    return [render_card(hit.passage, turn, (), hit.siblings, t) for hit in hits]


def render_sources(answer: Answer | None, turn: int, t: Translations = ENGLISH) -> Markup:
    """The sources panel of one answer: its citations in order, or its nearest passages."""
    if answer is None or answer.is_list or answer.coverage.intent == "about":
        empty = {"heading": t.gettext("Sources"), "hint": "", "question": "", "cards": ""}
        return render("sources.html", t, turn=turn, others=(), **empty)
    cited = {c.passage.id for c in answer.citations}
    others = [hit for hit in answer.hits if hit.passage.id not in cited]
    siblings = {hit.passage.id: hit.siblings for hit in answer.hits}
    numbers = by_number(answer.citations)
    is_judged = not answer.refused and answer.mode != "extractive"
    cards = [
        render_card(x.passage, turn, group, siblings.get(x.passage.id, ()), t, is_judged)
        for group in numbers.values()
        for x in group[:1]
    ]
    heading, hint = format_count(len(numbers), "source", t), ""
    if answer.refused:
        heading = t.gettext("Nearest passages")
        hint = t.gettext("Nothing close was found.")
        if answer.hits:
            hint = t.gettext("The closest passages; they do not answer the question.")
        # What the refusal names comes first, so that its numbers lead somewhere.
        cards += render_uncited(others[: max(0, NEAREST - len(numbers))], turn, t)
        others = []
    return render(
        "sources.html",
        t,
        turn=turn,
        heading=heading,
        question=answer.question,
        hint=hint,
        cards=Markup("").join(cards),
        others=render_uncited(others[:UNCITED], turn, t),
    )
