"""Follow-up questions: which they are, and what they take over from the conversation."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from rag.catalog.catalog import Catalog
from rag.catalog.normalize import frequency, likely_language, usage
from rag.catalog.tag_fields import TAGS, Filters, ReportInfo
from rag.places.countries import countries_of_regions_in, without_regions
from rag.query.entities import countries_in, named_in, places_in_order, region_in, without_countries
from rag.query.gloss import english_phrase, english_word
from rag.query.intents import own_score
from rag.query.linker import Linker, Links
from rag.query.parts import begins_to_ask
from rag.query.usual_words import asks_for_lists, is_usual_word
from rag.query.wordings import any_of, greeting_language, has_wording, terms_of
from rag.text.tokenize import (
    LANGUAGES,
    content_words,
    language_of,
    stop_words,
    strip_accents,
    terms,
    words,
)
from rag.types import Turn

# The beginning of a line of an answer: labs and a title, with its year and kind in brackets.
_LAB = re.compile(r"^(?:- )?([^\n(:]{2,300}) \((?:\d{4}|\?|\d{1,2}\))", re.MULTILINE)
TURN = 600  # how many characters of a turn are read
# A question with fewer words of its own says too little to be searched for; in one with more
# than so many, what a word points to stands in the question itself.
_FEW = 3
_MANY = 6
_LONGEST = 40  # spaces of a question that needs what was said before
# Reports that a follow-up may be about: of one lab so many are mostly of one work, or any.
_OF_ONE_WORK, _OF_SOME_WORKS = 3, 12
_SIDES = 3  # labs of an answer that are compared
# The score of a question that needs the conversation before it, of a short one that does, and the
# least of one that may.
_FOLLOWS, _FOLLOWS_SHORT, _ALONE = 0.5, 0.25, 0.1
# "E.g." and "vs." end no sentence, "UNDP." does.
_CLAUSES = re.compile(r"(?<=[!?;؟؛])\s+|(?<=\s:)\s+|(?<=\w{3}[.:])\s+|(?<=[A-Z]{2}[.])\s+")
_SENTENCE = 5  # words of a clause that is more than an afterthought
_OFF = 0.7  # the score of a short question that is off topic


@dataclass(frozen=True, slots=True)
class Thread:
    """What a follow-up shares with the conversation, and the question that stands alone.

    `wide` where it is put to many labs, `only` where to none but those of `country`. `opening` is
    it after the question that opened the conversation, without what was answered.
    """

    standalone: str
    country: tuple[str, ...] = ()
    year: tuple[int, ...] = ()
    wide: bool = False
    only: bool = False
    opening: str = ""


def language_in(question: str, history: Sequence[Turn] = ()) -> str:
    """The language of a question; of a few words that of a dictionary, or of the conversation."""
    if language := language_of(question, default="", min_letters=8):
        said = re.findall(r"[\w'’]+", question.lower())
        # Letters mislead where some words are of two languages ("women entrepreneurs").
        is_english = all(map(frequency, said)) and not all(usage(w, language) for w in said)
        return "en" if is_english else language
    default = _language_of_turns(history)
    if history:
        return default
    named = (code for code in LANGUAGES if english_phrase(question, code))
    return next(named, "") or likely_language(re.findall(r"\w+", question.lower()), default)


def _language_of_turns(history: Sequence[Turn]) -> str:
    # Questions tell before answers, the last ones first.
    turns = sorted(history, key=lambda turn: turn.role == "user")[::-1]
    languages = (language_of(turn.content, default="") for turn in turns)
    return next(filter(None, languages), "en")


def points_at_labs(question: str) -> bool:
    """Whether a question is about some of the labs of an answer ("which of them")."""
    return bool(re.search(any_of("of_them"), strip_accents(question)))


def points_back(question: str, language: str) -> bool:
    """Whether a question has a word for what was spoken of ("does any of it ...")."""
    folded = re.sub(any_of("introduces"), " ", re.sub("['’]", " ", strip_accents(question)))
    return bool(re.search(any_of("points_back", language), folded))


def asking_clause(question: str, language: str, linker: Linker) -> str:
    """A question for reports without what is only told around it; all of it where that may count.

    "Good morning! How many plans has Togo?", "We meet on justice. Which labs work on SDG 16?" What
    was named before is named again where the question points at it ("which lab there").
    """
    clauses = _CLAUSES.split(question)
    if len(clauses) == 1:
        return question
    linked = [linker.link(clause, language) for clause in clauses]
    of_reports = [n for n, k in enumerate(linked) if k.kinds or k.fields or _tagged(k)]
    marked = [
        n
        for n, clause in enumerate(clauses)
        if clause.rstrip().endswith(("?", "؟")) and (linked[n].links or linked[n].rest)
    ]
    asking = marked or of_reports
    if len(asking) != 1:
        return question
    (at,) = asking
    asked, links = clauses[at], linked[at]
    of_any = at in of_reports or (links.links and not links.rest)
    if not (of_any or has_wording("many_labs", asked)):
        return question  # What is told before may say of which work a particular is asked.
    greetings = [n for n, clause in enumerate(clauses) if greeting_language(clause)]
    titles = [info.title.casefold() for info in linker.catalog.reports.values()]
    said = [
        n
        for n, clause in enumerate(clauses)
        if (marked and n != at and _tells(clause, linked[n]))
        and (n < at or not _tagged(linked[n], "theme"))
        and not any(clause.rstrip(" .:!").casefold() in title for title in titles)
    ]
    told = [*greetings, *said]
    kept = [clause for n, clause in enumerate(clauses) if n not in told]
    adding = [n for n, clause in enumerate(clauses) if n != at and clause in kept]
    if any(not asks_for_lists(word, language) for n in adding for word in linked[n].rest):
        return question
    named = [
        (k.field, " ".join(linked[n].words[k.start : k.end]))
        for n in said
        if n < at
        for k in linked[n].links
        if k.field in ("country", *TAGS)
    ]
    if points_back(asked, language):
        own = (word for word in links.rest if not asks_for_lists(word, language))
        is_clear = all(is_usual_word(word, language, "list") for word in own)
        if not (is_clear and (named or links.filters())):
            return question
        before = ", ".join(words for _, words in named)
        return " – ".join(filter(None, (before, " ".join(kept))))
    places = any(k.field == "country" for k in links.links)
    is_told = {"country": places, **dict.fromkeys(TAGS, _tagged(links) or bool(links.rest))}
    return " ".join(kept) if all(is_told[name] for name, _ in named) else question


def _tells(clause: str, links: Links) -> bool:
    """Whether a clause beside a question is a sentence that asks for nothing itself."""
    return len(links.words) >= _SENTENCE and not begins_to_ask(clause.split())


def _tagged(links: Links, but: str = "") -> bool:
    """Whether a text names a value of a tag, but for one of these."""
    return any(link.field in (*TAGS, "fact") and link.field != but for link in links.links)


def has_topic(question: str, language: str) -> bool:
    """Whether a question is about more than what any piece of work has."""
    return bool(_topical(question, language))


def is_new(question: str, language: str, said: str) -> bool:
    """Whether the words that say what a question is about do not stand in what was said."""
    return _topical(question, language).isdisjoint(terms(said, language))


def _topical(question: str, language: str) -> set[str]:
    usual = terms_of("of_any_work", language) | terms_of("of_any_work_or_topic", language)
    return set(terms(question, language)) - usual


def is_follow_up(
    question: str, language: str, places: bool, history: Sequence[Turn], links: Links
) -> bool:
    """Whether a question needs the conversation before it to be understood.

    It does where it is like examples that do, and `links` no kinds of reports or tags; and where it
    is somewhat like them, whatever it names, and picks a report ("what did the Niger one find?") or
    asks for others ("anything like it in Chad?"). Tags that were spoken of count for none. Else
    where it joins on ("and in 2023?"), unless it has many words and names `places`; where it points
    back and has few words, or not many and no places; and where it has few words, no places, and is
    somewhat like examples or asks only for what any piece of work has ("what were the results?").
    """
    if not history or question.count(" ") > _LONGEST:
        return False
    if (score := own_score("follows", question)) < _ALONE:
        return False
    own = set(terms(question, language))
    # The tag that was spoken of is none that is asked for anew.
    said = {t for turn in history[-2:] for t in terms(turn.content[:TURN], language)}
    tags = (k for k in links.links if k.field in (*TAGS, "fact"))
    named = (" ".join(links.words[k.start : k.end]) for k in tags)
    tagged = links.kinds or not all(said.issuperset(terms(name, language)) for name in named)
    if score > _FOLLOWS and not (tagged or (places and len(own) > _FEW)):
        return True
    if score > _FOLLOWS_SHORT and len(own) <= _MANY and picks(question):
        return True
    others = has_wording("others", question) or has_wording("similar", question)
    if score > _FOLLOWS_SHORT and len(own) <= _FEW and others:
        return True
    if joins_on(question):
        return not places or len(own) <= _FEW
    if points_back(question, language):
        return len(own) < _FEW or (len(own) <= _MANY and not places)
    # "Which methods are used most?" and "anything on bees?" are put to all reports.
    new = tagged or links.fields or has_wording("topic_of", question)
    # A topic that is only named is no question of the work ("bees"), nor is what is off topic.
    asks = content_words(question, language) != words(question)
    is_like = score > _FOLLOWS_SHORT and asks and not new and own_score("off", question) < _OFF
    return len(own) < _FEW and not places and (is_like or not has_topic(question, language))


def joins_on(question: str) -> bool:
    """Whether a question begins or has words that join it to what was said ("and ...")."""
    folded = re.sub("['’]", " ", strip_accents(question))
    begins = rf"^\W*{any_of('joins_on')}\b(?!-)|\b{any_of('joins_on_within')}\b"
    return bool(re.search(begins, folded))


def topic_stems(question: str, language: str) -> list[set[str]]:
    """The terms of each word that says what a question is about, its own and the English ones."""
    own = [word for word in content_words(question, language) if has_topic(word, language)]
    return [{*terms(w, language), *terms(english_word(w, language), "en")} for w in own]


def other_matter(question: str) -> str:
    """What follows the words that turn to another matter ("ok, something else:"), or ""."""
    folded = strip_accents(question)
    turns = rf"(?:{any_of('turns_away')}\s*[:,.;–-]|{any_of('corrects')}\b)"
    begins = rf"\W*(?:{any_of('hesitates')}\W+)*{turns}\W*"
    turned = re.match(begins, folded) if len(folded) == len(question) else None
    return question[turned.end() :] if turned else ""


def names_topic(question: str, language: str, linker: Linker) -> bool:
    """Whether a follow-up does no more than name another topic ("and about cooperatives?")."""
    folded = strip_accents(question)
    joint = re.match(rf"(?:\W*{any_of('joins_on')}\b)+(?:\W*{any_of('about')}\b)*", folded)
    if not joint or set(words(folded[joint.end() :])[:1]) <= stop_words(language):
        return False
    linked = linker.link(question, language)
    topics = [linked.words[k.start : k.end] for k in linked.links if k.field in TAGS]
    return has_topic(" ".join([*linked.unlinked, *map(" ".join, topics)]), language)


def follow_up(
    question: str, language: str, history: Sequence[Turn], named: Filters, linker: Linker
) -> Thread:
    """What a follow-up takes over, besides what it has `named` itself.

    The topic is that of the question that opened it and of the last one, unless the follow-up
    names another one. Places that the question names replace those before. Else it is about the
    labs of the earlier questions, or those that the last answer names, whose words then count for
    the topic too. An answer of many labs is too mixed for that: its labs count where the question
    points at them.
    """
    catalog = linker.catalog
    questions = _questions_of_topic(history, linker)
    answer = history[-1].content if history[-1].role == "assistant" else ""
    year = () if named.year else named_in(questions[-1], catalog).year
    # The last question that names a topic opens it anew.
    opening = max(i for i, q in enumerate(questions) if not i or names_topic(q, language, linker))
    earlier = " ".join(dict.fromkeys(text[:TURN] for text in (questions[opening], questions[-1])))
    labs, reports = quoted_labs(history[-1], catalog), known_reports(history[-1], catalog)
    # What they are about tells more than what was quoted of them.
    answer = "" if reports else answer
    mixed = len(labs) > 1
    said = earlier if mixed else f"{earlier} {answer[:TURN]}"
    if is_new(question, language, said) and names_topic(question, language, linker):
        earlier, answer, mixed = "", "", False
    many = any(has_wording("many_labs", text) for text in questions)
    if reports and mixed and has_wording("compare", question):
        return Thread(f"{earlier} {question}", labs[:_SIDES], year, wide=True)
    # Also countries of which the collection has nothing.
    if countries_in(question) or countries_of_regions_in(question):
        topic = without_regions(without_countries(earlier))
        wide = not named.country and many
        return Thread(f"{topic} {question}".strip(), year=year, wide=wide)
    with_places = next((text for text in reversed(questions) if _places(text, catalog)), "")
    country = _places(with_places, catalog)
    if mixed and points_at_labs(question):
        return Thread(f"{earlier} {question}", labs, year, wide=True, only=True)
    only = has_wording("many_labs", with_places) and not named_in(with_places, catalog).country
    if not (country or mixed):
        country = labs if reports else named_in(answer[:TURN], catalog).country
    wide = only or (not country and many)
    texts = [earlier, "" if wide or mixed else answer[:TURN], question]
    if len(country) == 1 and country != _places(" ".join(texts), catalog):
        texts.append(country[0])
    standalone = " ".join(filter(None, texts))
    standalone = without_regions(standalone) if only else standalone
    return Thread(standalone, country, year, wide, only, f"{earlier} {question}".strip())


def known_reports(turn: Turn, catalog: Catalog) -> list[ReportInfo]:
    """The reports that an answer quotes and the collection still has."""
    return [catalog.reports[i] for i in turn.reports if i in catalog.reports]


def quoted_labs(turn: Turn, catalog: Catalog) -> tuple[str, ...]:
    """The countries whose labs an answer quotes: those of its reports, or named in its text."""
    if reports := known_reports(turn, catalog):
        return tuple({c: None for info in reports for c in info.countries})
    text = turn.content if turn.role == "assistant" else ""
    return named_in("\n".join(map(_before_title, _LAB.findall(text))), catalog).country


def _before_title(label: str) -> str:
    """The labs that a line of an answer names before its title, which may name others."""
    first, *others = re.split("[,،] ", label)
    return ", ".join([first, *takewhile(lambda part: not without_countries(part), others)])


def reports_meant(
    question: str, language: str, history: Sequence[Turn], linker: Linker
) -> tuple[str, ...]:
    """The reports that a follow-up is about: those that it picks of an answer, or all, if few.

    "The second one" and "the Peru one" are picked of the last answer.
    """
    reports = linker.catalog.reports
    answers = [turn.reports for turn in reversed(history) if turn.role == "assistant"]
    known = [i for i in answers[0] if i in reports] if answers else []
    if titled := titled_reports(question, language, history, linker):
        return titled
    if picks(question):
        if places := _places_in_order(question):
            return tuple(known[places[0] :][:1])
        if named := set(named_in(question, linker.catalog).country):
            return tuple(i for i in known if not named.isdisjoint(reports[i].countries))
    if names_topic(question, language, linker) or len(known) > _OF_SOME_WORKS:
        return ()
    return tuple(known)


def titled_reports(
    question: str, language: str, history: Sequence[Turn], linker: Linker
) -> tuple[str, ...]:
    """The reports of an answer that a question picks by words of their titles ("the stove one")."""
    is_picked = picks(question) or has_wording("tells_more", question)
    if not is_picked or _places_in_order(question):
        return ()
    of_words = topic_stems(question, language)
    having = [{i for stem in stems for i in linker.titled.get(stem, ())} for stems in of_words]
    for answer in (turn.reports for turn in reversed(history) if turn.role == "assistant"):
        # Rare words tell more.
        of_report = {i: sum(1 / len(ids) for ids in having if i in ids) for i in answer}
        most = max(of_report.values(), default=0.0)
        if most:
            return tuple(i for i, n in of_report.items() if n == most)
    return ()


def picks(question: str) -> bool:
    """Whether a question picks one or some of several reports ("the second one")."""
    return bool(re.search(any_of("picks"), strip_accents(question)))


def asks_for_similar(question: str, language: str) -> bool:
    """Whether a question asks for no more than others, or something like what was spoken of."""
    folded = strip_accents(question)
    asked = rf"\b(?:{any_of('similar')}|{any_of('others')})\b"
    left = without_regions(without_countries(re.sub(asked, " ", folded)))
    words_left = content_words(left, language)
    return bool(re.search(asked, folded)) and all(has_wording("anything", w) for w in words_left)


def _places_in_order(question: str) -> list[int]:
    return [n for word in words(strip_accents(question)) for n in places_in_order(word)]


def is_one_work(reports: Sequence[ReportInfo]) -> bool:
    """Whether reports of an answer are likely of one work, as of one lab few mostly are."""
    return 0 < len(reports) <= _OF_ONE_WORK and len({info.lab for info in reports}) == 1


def _questions_of_topic(history: Sequence[Turn], linker: Linker) -> list[str]:
    turns = [turn for turn in history if turn.role == "user"] or [history[-1]]
    texts = [turn.content[:TURN] for turn in turns]
    for first in reversed(range(len(turns))):
        places = bool(countries_in(texts[first])) or has_wording("many_labs", texts[first])
        language = _language_of_turns(turns[: first + 1])
        links = linker.link(texts[first], language)
        if not is_follow_up(texts[first], language, places, turns[:first], links):
            break
    return texts[first:]


def _places(text: str, catalog: Catalog) -> tuple[str, ...]:
    return named_in(text, catalog).country or region_in(text, catalog)
