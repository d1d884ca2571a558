"""Questions, answers and their sources as HTML, and an answer as plain text: no engine."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from rag.answer.about import FEW, LONGEST, TRIES, versus, working_on
from rag.answer.writing import KEY_POINTS
from rag.catalog.catalog import Catalog
from rag.catalog.normalize import fold_tag
from rag.catalog.tag_fields import TAGS, Filters, ReportInfo
from rag.export.brief import who
from rag.export.lines import kinds_of_lines, shortened, speaker
from rag.feedback import MAX_COMMENT
from rag.i18n.labels import author_label, country_label, value_label, verdicts
from rag.i18n.translations import ENGLISH, Translations, translations_for
from rag.survey.stream import survey_scope
from rag.types import Answer, Citation, Hit, Intent, Passage, Span
from ui.rendering import render, render_text
from ui.web.filters import APART, whole_region

if TYPE_CHECKING:
    from ui.web.handlers import Exchange

Cited = Mapping[int, Sequence[Citation]]  # an answer's citations by number
Voice = tuple[ReportInfo, str, list[Markup]]  # of a lab: a report, a preview, its lines
FOLLOWING = 3  # questions under an answer
TOPICS: tuple[Intent, ...] = ("topic", "reasons")
# The prefix of a topic sent in place of a report's id: who works on it opens like a report.
WHO = "who:"
PREVIEW = 120  # characters of what a lab says in a group of quotes that is folded
_BOLD = re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*")
MARK = re.compile(r" ?\[(\d{1,6})\]")
# A number stays on the line of the words before it; a row of numbers may wrap.
_NARROW_SPACE, _THIN_SPACE = "\u202f", "\u2009"
_TAG = re.compile(r"\[\[(\w+):\s*(.*?)\s*\]\]")
# Each has its own sign, so that colour is never the only difference; the weakest come last.
SIGNS = {"supported": "✓", "unchecked": "○", "partly": "≈", "unsupported": "?", "corrected": "⇄"}
NEAREST = 5  # passages that a refusal shows
UNCITED = 8  # passages that are shown though an answer doesn't cite them
CARD_PREVIEW = 240  # characters of a closed card
SHORT = 60  # characters of a quote that a verdict names
QUOTES = 2  # quotes in a popover, where a number stands for several
LONGEST_QUOTE = 320  # characters of a quote in a popover


def render_prose(text: str, turn: int, citations: Cited | None, t: Translations) -> Markup:
    """An answer's text as paragraphs and lists whose `[n]` marks are links to source cards.

    Only bold, lists and headings of Markdown are understood; everything else is shown as it
    stands. Given `citations`, a number that has none stays plain text.
    """
    blocks: list[tuple[str, int, list[Markup]]] = []
    for kind, number, words in kinds_of_lines(text):
        tag = {"paragraph": "p", "heading": "h4", "bullet": "ul", "numbered": "ol"}[kind]
        if not blocks or tag not in ("ul", "ol") or blocks[-1][0] != tag:
            blocks.append((tag, number, []))
        blocks[-1][2].append(_inline(words, turn, citations, t))
    return render("prose.html", t, blocks=blocks)


def _inline(text: str, turn: int, citations: Cited | None, t: Translations) -> Markup:
    def link(match: re.Match[str]) -> str:
        n = int(match[1])
        if citations is not None and n not in citations:
            return match[0]
        return _NARROW_SPACE + render_cite(n, turn, citations[n] if citations else (), t)

    speaker_name, words, changes_direction = speaker(text) or ("", text, False)
    # Marks are put into text that is escaped already.
    line = _BOLD.sub(r"<strong>\1</strong>", MARK.sub(link, str(escape(words))))
    html = Markup(line.replace(f"</a>{_NARROW_SPACE}<a", f"</a>{_THIN_SPACE}<a"))
    if changes_direction:
        html = Markup(' <span class="turned" dir="auto">{}</span>').format(html.strip())
    return Markup("<strong>{}</strong>").format(speaker_name) + html if speaker_name else html


def render_conversation(
    talk: "Sequence[Exchange]", catalog: Catalog, t: Translations, is_idle: bool = True
) -> Markup:
    """All finished questions of a conversation; if `is_idle`, the last can be asked again."""
    return Markup("").join(
        render_exchange(exchange, turn, catalog, t, is_last=turn == len(talk), is_idle=is_idle)
        for turn, exchange in enumerate(talk, 1)
    )


def render_exchange(
    exchange: "Exchange", turn: int, catalog: Catalog, t: Translations, **state: Any
) -> Markup:
    """A question with what came of it, or, while it `is_running`, what was written so far.

    `is_last` says whether no question follows, `is_idle` whether none is being answered, `steps`
    what its model has looked for.
    """
    answer = exchange.answer
    values: dict[str, Any] = {
        **dict.fromkeys(("is_running", "is_last", "is_idle", "related", "now", "copied"), ""),
        **{"steps": (), "longest_comment": MAX_COMMENT, "apart": APART},
        **state,
    }
    if answer and values["is_last"] and values["is_idle"]:
        values["related"] = follow_ups(answer, catalog, t)
        if not answer.refused and answer.coverage.intent in (*TOPICS, "trend"):
            values["now"] = WHO + answer.standalone
    if answer:
        values["copied"] = plain_text(answer, t)
        if not (exchange.error or exchange.notice):
            values |= _answer_values(answer, exchange, turn, catalog, t)
    # While it grows, the number of a source says nothing but that.
    known: Cited | None = None if values["is_running"] else {}
    values["text"] = exchange.text.strip() and render_prose(exchange.text, turn, known, t)
    values["region"] = partial(whole_region, catalog=catalog, t=t)
    return render("exchange.html", t, exchange=exchange, turn=turn, **values)


def _answer_values(
    answer: Answer, exchange: "Exchange", turn: int, catalog: Catalog, t: Translations
) -> dict[str, Any]:
    """What the template of an answer or a refusal needs beside it."""
    coverage, citations, reports = answer.coverage, by_number(answer.citations), catalog.reports
    # The table says all that the lines after the first do, and is easier to scan.
    is_table = answer.is_list or coverage.table or coverage.sides
    text = answer.text.partition("\n")[0] if is_table else answer.text
    text, evidence = _evidence(text, answer.language, turn, citations, t)
    listed = [reports[i] for i in coverage.reports if answer.is_list and i in reports]
    read = [reports[i] for i in coverage.read if i in reports]
    return {
        "answer": answer,
        "prose": render_prose(text, turn, citations, t),
        "inline": partial(_inline, turn=turn, citations=citations, t=t),
        "evidence": evidence,
        "listed": listed,
        "groups": sorted(by_lab(listed), key=len, reverse=True),
        "numbers": {c.passage.report.id: c.n for c in answer.citations},
        "mentioned": render_uncited(answer.mentions, turn, t) if answer.is_list else [],
        "read": by_lab(sorted(read, key=lambda r: (r.lab, r.year or 0, r.title))),
        "key": survey_key(answer),
        "scope": survey_reports(answer, catalog, exchange.filters),
        "is_topic": coverage.intent in TOPICS,
        "shown": len(answer.hits) if answer.refused else 0 if answer.is_list else len(citations),
    }


def follow_ups(answer: Answer, catalog: Catalog, t: Translations) -> list[str]:
    """Up to three questions that go on from an answer, each of which the tags say has an answer."""
    cited = dict.fromkeys(citation.passage.report.id for citation in answer.citations)
    ids = list(cited or answer.coverage.reports)
    infos = [catalog.reports[i] for i in ids if i in catalog.reports]
    if answer.refused or not infos:
        return []
    asked = fold_tag(answer.question)
    themes, methods = (
        [
            value
            for value, _ in Counter(
                catalog.name(field, v) for info in infos for v in getattr(info, key)
            ).most_common()
            if not any(fold_tag(x) in asked for x in (value, value_label(field, value, t)))
            and " " in value
            and len(value) <= LONGEST
        ]
        for field, key in (("theme", "thematic_areas"), ("method", "methods"))
    )
    made = []
    for theme in themes[:TRIES]:
        labs = working_on(catalog, theme)
        if len(labs) >= FEW:
            name = value_label("theme", theme, t)
            made.append(t.gettext("What did the labs learn about {value}?").format(value=name))
            made.append(versus(labs, name, t))
            break
    if methods:
        used = value_label("method", methods[0], t)
        made.append(t.gettext("Which labs used {value}?").format(value=used))
    if len(infos[0].countries) == 1 and answer.coverage.intent != "lab":
        lab = country_label(infos[0].countries[0], t)
        made.append(t.gettext("What is {value} working on?").format(value=lab))
    return [question for question in made if question != answer.question][:FOLLOWING]


def by_lab(reports: Iterable[ReportInfo]) -> list[list[ReportInfo]]:
    """Reports in groups, one a lab."""
    labs: dict[str, list[ReportInfo]] = {}
    for info in reports:
        labs.setdefault(info.lab, []).append(info)
    return list(labs.values())


def _evidence(
    text: str, language: str, turn: int, citations: Cited, t: Translations
) -> tuple[str, list[tuple[str, list[Voice]]]]:
    """An answer's text up to its key points, and after them groups of quotes by lab."""
    shown = key_points(text, language)
    if not shown:
        return text, []
    evidence = []
    for group in re.split(r"^### ", text[len(shown) :], flags=re.MULTILINE)[1:]:
        heading, *lines = group.strip().split("\n")
        labs: dict[str, Voice] = {}
        for line in lines:
            mark = MARK.search(line)
            if mark and int(mark[1]) in citations:
                info, words = citations[int(mark[1])][0].passage.report, line.removeprefix("- ")
                said = (speaker(words) or ("", words))[1]
                preview = shortened(MARK.sub("", said).strip(), PREVIEW)
                lab = labs.setdefault(author_label(info, t), (info, preview, []))
                lab[2].append(_inline(words, turn, citations, t))
        evidence.append((heading, list(labs.values())))
    return shown, evidence


def key_points(text: str, language: str) -> str:
    """An answer's text up to the end of its key points; "" for one that has none."""
    head, *groups = re.split(r"^### ", text, flags=re.MULTILINE)
    if groups and groups[0].startswith(translations_for(language).gettext(KEY_POINTS)):
        return f"{head}### {groups[0]}"
    return ""


def survey_key(answer: Answer) -> str:
    """A key for an answer that a survey can add to: about a topic, or one tag; "" for others."""
    covered = answer.coverage
    values = [value for field in TAGS for value in getattr(covered.filters, field)]
    is_list = covered.intent == "list" and not covered.grouped_by and not covered.excluded
    is_topic = covered.intent in TOPICS and not (answer.refused or covered.speaking)
    if is_topic or (is_list and len(values) == 1):
        return f"{answer.standalone}|{covered.filters.as_dict()}|{covered.count}"
    return ""


def survey_reports(answer: Answer, catalog: Catalog, chosen: Filters) -> int:
    """How many reports a survey of an answer's question would read; 0 where it says no more."""
    covered = answer.coverage
    has_more = covered.intent == "answer" and covered.matched_reports > covered.read_reports
    is_open = not answer.refused and (has_more or covered.intent == "trend")
    if not (survey_key(answer) or covered.speaking or is_open):
        return 0
    scope = len(catalog.ids(chosen.merged(survey_scope(covered.filters))))
    return scope if scope > covered.read_reports else 0


def plain_text(answer: Answer, t: Translations) -> str:
    """The question, the answer, its sources by number with their quotes, and what it covered."""
    text = _BOLD.sub(r"\1", answer.text).strip()
    # A list names its reports itself.
    cited = {} if answer.is_list else by_number(answer.citations)
    return render_text("copied.txt", t, answer=answer, text=text, cited=cited) + "\n"


def find_quote(text: str, quote: str) -> Span | None:
    """Where the words of a quote stand in a passage, white space aside; None if they don't."""
    pattern = r"\s+".join(map(re.escape, quote.split()))
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


def render_cite(n: int, turn: int, citations: Sequence[Citation], t: Translations) -> Markup:
    """The link of a number; without `citations`, while the answer is written, only the number."""
    label = t.gettext("Source {n}").format(n=n)
    if not citations:
        return render("cite.html", t, n=n, turn=turn, kinds=(), signs="", label=label, who="")
    passage, author = citations[0].passage, who(citations[0].passage.report, t)
    # Its least supported use counts, so that no doubt is hidden.
    weakest = max((c.status for c in citations), key=list(SIGNS).index)
    status = verdicts(weakest, any(c.corrected for c in citations), t)
    quotes = (shortened(without_brackets(c.quote), LONGEST_QUOTE) for c in citations[:QUOTES])
    return render(
        "cite.html",
        t,
        n=n,
        turn=turn,
        kinds=list(status),
        signs="".join(SIGNS[kind] for kind in status if kind != "supported"),
        label=". ".join((f"{label}: {author}", *status.values())),
        who=author,
        quotes="\n".join(quotes),
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
    # Kind, sign and words of each verdict, and its quote where not all quotes have it.
    told: dict[tuple[str, str, str, str], None] = {}
    statuses = [verdicts(c.status, c.corrected, t) for c in citations]
    for citation, status in zip(citations, statuses, strict=True):
        for kind, words in status.items():
            quote = "" if all(kind in s for s in statuses) else shortened(citation.quote, SHORT)
            if is_judged or kind != "supported":
                told[kind, SIGNS[kind], words, quote] = None
    return render(
        "card.html",
        t,
        passage=passage,
        turn=turn,
        n=citations[0].n if citations else 0,
        preview=shortened((*quotes, text)[0], CARD_PREVIEW),
        missing=[q for q in quotes if q.strip() and not find_quote(text, q)],
        segments=segments(text, quotes),
        pinned=quotes or [shortened(text, LONGEST_QUOTE).removesuffix(" …")],
        siblings="; ".join(f"{info.title} ({info.year or '?'})" for info in siblings),
        verdicts=told,
    )


def render_uncited(hits: Sequence[Hit], turn: int, t: Translations) -> list[Markup]:
    """Cards of passages that an answer does not cite."""
    return [render_card(hit.passage, turn, (), hit.siblings, t) for hit in hits]


def render_sources(answer: Answer | None, turn: int, t: Translations = ENGLISH) -> Markup:
    """The sources panel of one answer: its citations in order, or its nearest passages."""
    if answer is None or answer.is_list or answer.coverage.intent == "about":
        return render("sources.html", t, turn=turn, answer=None, cards=(), others=())
    cited = {c.passage.id for c in answer.citations}
    others = [hit for hit in answer.hits if hit.passage.id not in cited]
    siblings = {hit.passage.id: hit.siblings for hit in answer.hits}
    numbers = by_number(answer.citations)
    is_judged = not answer.refused and answer.mode != "extractive"
    cards = [
        render_card(own[0].passage, turn, own, siblings.get(own[0].passage.id, ()), t, is_judged)
        for own in numbers.values()
    ]
    if answer.refused:
        # What the refusal names comes first, so that its numbers lead somewhere.
        cards += render_uncited(others[: max(0, NEAREST - len(numbers))], turn, t)
        others = []
    rest = render_uncited(others[:UNCITED], turn, t)
    return render("sources.html", t, turn=turn, answer=answer, cards=cards, others=rest)
