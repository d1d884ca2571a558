"""Which form of answer a question wants: by its nearest examples, if it names what the form needs.

A form is chosen where its examples are clearly nearer than those of a question to passages; long
questions ask for particulars, whatever they are like.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import dropwhile, pairwise

from rag.catalog.tag_fields import TAGS, Filters
from rag.places.countries import fold_name
from rag.query.entities import around_year
from rag.query.intents import CATALOG, TALK, TO_REPORTS, intent_scores, own_score
from rag.query.linker import VOWELS, Linker, Links
from rag.query.usual_words import asks, is_usual_word, light_words, stem_in
from rag.query.wordings import any_of, has_wording, is_among
from rag.query.works import Work, Works
from rag.text.sentences import overrides, sentences
from rag.text.tokenize import (
    content_words,
    is_quantity,
    stop_words,
    strip_accents,
    terms,
)
from rag.types import Intent, Plan

DIGESTS: tuple[Intent, ...] = ("report", "lab", "trend", "topic", "reasons")
# The lead of a question's off-topic score over its score as a question to reports: from the first
# one on it may be off topic; from the second one on it is, and no sentences are shown if nothing
# answers.
OFF_TOPIC_LIKELY, OFF_TOPIC_CLEAR = -0.1, 0.1
# The same of what asks for a summary: "for my boss, in three sentences" is like no question to
# reports.
_OFF_TOPIC_SUMMED = 0.25
_LEAST = 0.25  # the least score of a form
_LEAD = 0.05  # the least lead of a form over a question to passages
_LAB_LEAD = 0.4  # that of all of a lab, where the question has more words
_TREND_LEAD = 0.25  # that of changes over the years, where no lab is named
_WORK_LEAD = 0.2  # that of a work's summary: most questions that name one ask for particulars
_SUMS = 0.4  # the score of a follow-up that asks for all of a work
_NAMED = 0.5  # the score of a question that does nothing but name a topic
# The lead of an overview over all others, and how much of the score of its own words as a topic is
# taken from it.
_OVERVIEW_LEAD, _TOPICAL = 0.1, 0.4
_ONE_WORK = 0.1  # the lead of a topic of a lab over a summary of one of its works
# What stands for the name of a work where its question is read, as in the example questions.
_ANY_WORK = "clay stove project"
_NEAR = 3  # places from one word of a name to the next one
_MOST_LABS = 8  # of a region that are told beside each other
_MOST_SIDES = 2  # years that are compared side by side
_OF_STAGES = ("begins", "later", "outcomes")
_STAGES = 0.25  # the score of a question that holds stages of a work against each other
MOST_TERMS = 8  # content words of a question that wants more than particulars
_MOST_WORDS = {"topic": 4, "reasons": 2, "trend": 4}  # topic words, where many labs are asked
_ASIDE = re.compile(r"\s*\([^()]*(?:\)\s*|$)")
_SHORT = 3  # words that name a topic, which is surveyed
_SOCIAL = 0.4  # the score of talk, and of questions about the product, that may have other words
_TALK_LEAD = 0.2  # by how much talk with other words is more like it than like a question
_MOST_REST = 3  # words of talk that ask for nothing
# The score, and the most words, of thanks that are no question of what was spoken of.
_THANKS, _MOST_THANKS = 0.6, 2


def form_of(plan: Plan, links: Links, scores: Mapping[str, float], works: Works) -> Plan:
    """The plan of an answer from passages, in the form that its question wants."""
    best = max(scores, key=lambda name: scores[name])
    words = subject(links, plan.language, best)
    plan = replace(plan, subject=" ".join(words))
    chosen, digest = max((scores[name], name) for name in (*DIGESTS, "compare"))
    if (goal := _only_goal(links, plan.language, best)) and not is_quantity(plan.standalone):
        # No text says "SDG 5": all work that is tagged so is told.
        words, plan = (), replace(plan, filters=plan.filters.merged(goal), subject="")
        if plan.intent != "compare":
            intent: Intent = "reasons" if digest == "reasons" else "lab"
            return replace(plan, intent=intent, wide=True, off_topic=-1.0)
    lead = chosen - scores["passage"]
    beside = map(str.lower, set(links.unlinked).difference(words))
    by_years = has_wording("over_years", plan.standalone)
    if words and (by_years or light_words().issuperset(beside)):
        # "Birth registration and digital identity" asks for nothing but what there is.
        chosen = lead = _NAMED
        digest = "trend" if by_years else "topic"
    many = len(terms(plan.standalone, plan.language)) > MOST_TERMS
    if sides := titled_sides(links, plan, works, scores):
        return replace(plan, intent="compare", reports=sides, wide=True)
    if best == "compare" and not many and (topics := topic_sides(links, plan)):
        return replace(plan, intent="compare", topics=topics, wide=True)
    if plan.follows:
        sums = has_wording("tells_more", plan.question) or scores["report"] > _SUMS
        return replace(plan, intent="report") if sums and plan.reports else plan
    of_all = links.kinds or "country" in links.fields
    particular = many or is_quantity(plan.standalone)
    counted = best == "count" or (best == "topic" and particular)
    counted = counted and of_all and not many
    if words and (counted or has_wording("counts_reports", links.masked())):
        # How many reports speak of what is no tag, their survey tells.
        return in_form(plan, "topic")
    if plan.stages:
        years = plan.boosted.year if len(plan.boosted.year) > 1 else ()
        plan = replace(plan, boosted=Filters(country=plan.boosted.country, year=years), wide=False)
        # "First" names no work.
        told = [w for w in words if not any(has_wording(name, w) for name in _OF_STAGES)]
        work = works.named(told, replace(plan, boosted=replace(plan.boosted, year=())))
        one_thing = scores["passage"] > scores["compare"]
        return replace(plan, intent="compare", reports=work.reports, one_thing=one_thing)
    work = Work() if many else works.named(words, plan)
    # A few common words are in a title by chance.
    clear = bool(plan.boosted.country) and digest not in ("topic", "trend")
    certain = clear or scores["report"] >= chosen - _LEAD
    if work.is_name or (work and not plan.wide and certain):
        plan = replace(plan, reports=(*work.reports, *work.beside))
    overview = plan if plan.reports else in_form(replace(plan, subject=""), "lab")
    if overview.intent == "lab" and _is_overview(plan, links, scores):
        return overview
    if plan.intent == "compare" and len(plan.boosted.country) > 1:
        # "Who paid for it in Peru and Chile?" asks for one thing of each.
        counts = is_quantity(plan.standalone) and not has_wording("compare", plan.standalone)
        one_thing = counts or scores["passage"] > scores["compare"]
        plan = replace(plan, one_thing=one_thing, reports=())
    if plan.intent == "compare":
        # Years of one lab may be sides, or a span over which its work went on, without a gap.
        years = plan.boosted.year
        gap = len(years) == _MOST_SIDES and max(years) - min(years) > 1
        goes_on = scores["trend"] > scores["compare"] and not gap
        is_span = plan.reports or len(years) > _MOST_SIDES or goes_on
        over_time = is_span and len(plan.boosted.country) < 2
        plan = plan if over_time else replace(plan, reports=())
        return in_form(plan, "trend") if over_time and not particular else plan
    if plan.reports:
        return _of_work(plan, work, links, scores)
    if _sums_up(plan) and (topic := _without_summary(words)):
        # However long it is, it asks for no particular; whether it is of a report, that tells.
        plan = replace(plan, subject=topic)
        many = has_wording("labs", plan.standalone)
        summed = in_form(plan, "lab" if plan.boosted.country else "topic" if many else "report")
        return summed if summed.intent in DIGESTS else in_form(plan, "report")
    if best == digest == "trend" and lead >= _TREND_LEAD and not is_quantity(plan.standalone):
        # However long it is.
        return in_form(plan, "trend")
    if particular:
        return plan
    if best in ("list", "yesno") and words and of_all and scores[best] > scores["passage"] + _LEAD:
        # Which reports speak of what is no tag, and whether any does, too.
        return in_form(plan, "topic")
    # Whether a report is there to be summed up, its passages tell.
    if plan.off_topic > (0.0 if digest == "report" else OFF_TOPIC_LIKELY):
        return plan
    # All of a lab is asked for where nothing of its work is named.
    least = _LEAD if digest != "lab" else _LAB_LEAD if words else -_LEAD
    country = plan.filters.country or plan.boosted.country
    if digest == "trend" and not country:
        least = _TREND_LEAD
    elif digest == "topic" and of_all and words:
        # "Which labs tested driverless buses?" is asked of all.
        least = -_LEAD
    if digest == "topic" and len(country) == 1 and not (of_all or plan.wide):
        # What a lab says on a topic, or what one of its works is.
        digest = "report" if scores["report"] > chosen - _ONE_WORK else "lab"
    particular = not plan.wide and len(words) > _MOST_WORDS.get(digest, MOST_TERMS)
    if chosen < _LEAST or lead < least or particular:
        return plan
    if digest == "report" and not words:
        # "Summarise the plan of 2022": one report, or all of that kind.
        ids = works.linker.catalog.ids(plan.filters.merged(plan.boosted))
        digest = "report" if len(ids) == 1 else "lab"
        plan = replace(plan, reports=tuple(ids) if len(ids) == 1 else ())
    return in_form(plan, digest)


def _sums_up(plan: Plan) -> bool:
    """Whether a question wants a summary, and not of a novel."""
    return has_wording("sums_up", plan.standalone) and plan.off_topic <= _OFF_TOPIC_SUMMED


def _without_summary(words: Sequence[str]) -> str:
    """The words of a topic: an overview, or its main points, are none."""
    plain = strip_accents(" ".join(words))
    rest = re.sub(rf"\b{any_of('sums_up')}\b", " ", plain).split()
    return " ".join(word for word in words if strip_accents(word) in rest)


def _is_overview(plan: Plan, links: Links, scores: Mapping[str, float]) -> bool:
    """Whether a question, of many words maybe, asks for all work of a lab and names none of it."""
    score = own_score("overview", links.masked())
    words = " ".join(subject(links, plan.language, "lab"))
    # "Warnings" is a topic by itself, "visit" is none.
    topical = _TOPICAL * max(0.0, intent_scores(words)[0]["topic"]) if words else 0.0
    others = max(scores[name] for name in ("passage", "topic", "report", *CATALOG))
    least = max(others + topical + _OVERVIEW_LEAD, scores["offtopic"] - OFF_TOPIC_LIKELY)
    is_more = score >= max(least, *(scores[name] for name in (*DIGESTS, "compare")))
    return is_more and not is_quantity(plan.standalone)


def _of_work(plan: Plan, work: Work, links: Links, masked: Mapping[str, float]) -> Plan:
    """The plan of a question that names a work: summed up, over time, or asked for a particular."""
    shown = list(links.words)
    named = [i for i, word in enumerate(shown) if word in work.words]
    for i, after in pairwise((*named, named[-1] + 1)):
        # "Phones full of doubt" is a name with the small words in it.
        end = after if after - i <= _NEAR else i + 1
        shown[i:end] = [""] * (end - i)
    shown[named[0]] = _ANY_WORK
    scores = intent_scores(" ".join(filter(None, shown)))[0]
    lead = scores["report"] - scores["passage"]
    others = ("passage", "report", "offtopic")
    sums = _sums_up(plan)
    changes = any(s["trend"] > max(_LEAST, *(s[name] for name in others)) for s in (scores, masked))
    if changes and (not sums or has_wording("over_years", plan.standalone)):
        return in_form(plan, "trend")
    if not sums and (is_quantity(plan.standalone) or lead < _WORK_LEAD):
        # Others may tell it too where common words are no certain name.
        return plan if work.is_name else replace(plan, reports=())
    return replace(plan, intent="report", reports=work.reports or plan.reports)


def in_form(plan: Plan, form: Intent) -> Plan:
    """The plan with this form of answer; as it is where the question lacks what the form needs."""
    countries = plan.filters.country or plan.boosted.country
    # A digest of a lab leaves its partners out.
    if form == "lab" and (len(countries) != 1 or has_wording("partners", plan.standalone)):
        return plan
    if form == "compare":
        return replace(plan, intent=form, wide=True) if has_sides(plan.boosted) else plan
    if form in ("topic", "reasons") and len(countries) == 1:
        return plan
    # "Use of ethnography in 2023" has no years to be told by.
    if form == "trend" and len(plan.boosted.year) == 1 and not around_year(plan.standalone):
        return plan
    wide = plan.wide or (form in ("topic", "trend", "reasons") and not countries)
    return replace(plan, intent=form, wide=wide)


def as_topic(plan: Plan) -> Plan:
    """The plan to make a digest by: of a topic, where a question is put to many labs.

    "Who works on bees?" has its digest where reports speak of bees, else an answer from passages.
    The whole question is its topic, where it names none.
    """
    # Of several countries is a region.
    one_lab = len(plan.boosted.country) == 1
    named = plan.reports or plan.follows or one_lab or is_quantity(plan.standalone)
    words = plan.subject.split() or content_words(plan.standalone, plan.language)
    wants = plan.intent == "answer" and plan.wide and words and not named
    return replace(plan, intent="topic", subject=" ".join(words)) if wants else plan


def is_short_topic(plan: Plan) -> bool:
    """Whether a question names its topic shortly: in more words it asks for more than that."""
    return len(plan.subject.split()) <= _SHORT


def listed_topics(plan: Plan) -> list[str]:
    """The topics that a question lists, parted by commas; else its only one."""
    words = set(plan.subject.split())

    def topics(parts: Sequence[str]) -> list[str]:
        named = ([w for w in re.findall(r"\w+", part) if w in words] for part in parts)
        return [" ".join(own) for own in named if own]

    if len(topics(re.split(r"[,;،]", plan.standalone))) < 2:
        return [plan.subject]
    return topics(re.split(rf"[,;،]|\b{any_of('and')}\b|\sو(?=ال)", plan.standalone))


def of_one_report(plan: Plan, reports: tuple[str, ...]) -> Plan:
    """The plan of a question to a single report or work, which has no labs or topics to tell apart.

    `reports` are the ids.
    """
    plan = replace(plan, alone=True)
    if plan.intent in ("report", "lab"):
        return replace(plan, intent="report", reports=reports)
    return replace(plan, intent="answer", reports=reports if plan.follows else (), wide=False)


def is_plain(plan: Plan) -> bool:
    """Whether the only report is asked something of no topic, which may be off the topic."""
    return plan.intent == "answer" and plan.alone and not plan.subject


def asks_of_one(plan: Plan) -> bool:
    """Whether it asks the only report for something that any has: "what did they learn?"."""
    return is_plain(plan) and plan.off_topic <= OFF_TOPIC_LIKELY


def has_sides(named: Filters) -> bool:
    """Whether there are labs, not too many, or years to compare."""
    return 2 <= len(named.country) <= _MOST_LABS or len(named.year) >= 2


def subject(links: Links, language: str, intent: str) -> tuple[str, ...]:
    """The words of a question that say what it is about, but for labs, years and kinds."""
    return tuple(links.words[i] for i in _subject_places(links, language, intent))


def _subject_places(links: Links, language: str, intent: str) -> list[int]:
    told = {i for k in links.links if k.field not in TAGS for i in range(k.start, k.end)}
    values = {i for k in links.links if k.field in TAGS for i in range(k.start, k.end)}
    lacked = {i for i, word in enumerate(links.words, 1) if has_wording("lacks", word)} - told
    return [
        i
        for i, word in enumerate(links.words)
        if i in values
        or (i in lacked and word.lower() not in light_words() | stop_words(language))
        or (i not in told and not asks(word.lower(), language, intent))
    ]


def _only_goal(links: Links, language: str, intent: str) -> Filters:
    """The goal that a question names by its number, if it names no other topic."""
    goals = [k for k in links.links if k.field == "sdg" and not k.excluded]
    told = {i for k in goals for i in range(k.start, k.end)}
    named = {value for k in goals for value in k.values}
    is_numbered = any(links.words[i].isdecimal() for i in told)
    is_all = told.issuperset(_subject_places(links, language, intent))
    is_one = is_numbered and is_all and len(named) == 1
    return Filters(sdg=tuple(map(str, named))) if is_one else Filters()


def topic_sides(links: Links, plan: Plan) -> tuple[str, ...]:
    """The two topics that a question holds against each other: "more on floods or on droughts?".

    They are tags, or it asks of work or reports: "do women trust cash more than banks?" does not.
    They are parted where most words stand between two that name a topic, by "or" rather than "and".
    """
    if has_sides(plan.boosted) or plan.follows:
        return ()
    places = _subject_places(links, plan.language, "compare")
    tagged = {i for k in links.links if k.field in TAGS for i in range(k.start, k.end)}
    if not (tagged.issuperset(places) or has_wording("of_reports", plan.standalone)):
        return ()
    gaps = [" ".join(links.words[a + 1 : b]).lower() for a, b in pairwise(places)]
    joins = ("parts", "or", "than", "compare")
    parted = [n for n, gap in enumerate(gaps, 1) if any(has_wording(name, gap) for name in joins)]
    if not parted:
        return ()
    at = max(parted, key=lambda n: (len(gaps[n - 1].split()), has_wording("or", gaps[n - 1])))
    sides = (links.words[own[0] : own[-1] + 1] for own in (places[:at], places[at:]))
    return tuple(" ".join(_after_more(side)) for side in sides)


def _after_more(words: Sequence[str]) -> Sequence[str]:
    """What stands after "more about" in some words, else all of them."""
    for i, (word, after) in enumerate(pairwise(words), 2):
        if has_wording("more_of", word) and re.fullmatch(any_of("about"), strip_accents(after)):
            return words[i:]
    return words


def topic_of(question: str, links: Links, language: str, intent: str = "") -> str:
    """What a question is about: no places and words that only ask, as in its intent's examples."""
    question = VOWELS.sub("", question)
    spans = [match.span() for match in re.finditer(r"\w+", question)]
    named = ("", "country", "year", "type", "kind")
    left_out = {i for k in links.links if k.field in named for i in range(k.start, k.end)}
    stop = light_words() | stop_words(language)
    words = [fold_name(word) for word in links.words]
    speakers = ("labs", "solutions", "innovators")
    asked = [any(has_wording(name, word) for name in speakers) for word in words]
    left_out |= {i for i, word in enumerate(words) if word in stop or asked[i]}
    # What is in brackets says more of what is before them.
    aside = [match.span() for match in _ASIDE.finditer(question)]
    left_out |= {i for i, (at, _) in enumerate(spans) if any(a <= at < b for a, b in aside)}
    values = {i for k in links.links if k.field in TAGS for i in range(k.start, k.end)}
    # "Savoirs ancestraux" begins with a form of a word that asks, and is a tag.
    asks = [i not in values and stem_in(word, language) in stop for i, word in enumerate(words)]
    size = len(words)
    first = next((i for i in range(size) if not (i in left_out or asks[i])), size)
    # After "which labs" come words that ask ("use"), after "about" the topic, and alone it is one;
    # "the lessons of" only ask, too.
    before = words[first - 1] if first else ""
    joined = not before or before in light_words() or re.fullmatch(any_of("about"), before)

    def leads(i: int) -> bool:
        is_asked = _only_asks(words[i], language, intent) and (not joined or i + 1 in left_out)
        return i not in values and (is_asked or i in left_out)

    topic = [i for i in dropwhile(leads, range(first, size)) if i not in left_out]
    # What the next sentence says is told of it, or is another question.
    last = next((end for _, end in sentences(question) if topic and end > spans[topic[0]][0]), 0)
    topic = [i for i in topic if spans[i][0] < last]
    is_around = intent == "trend" and around_year(question)

    def ends(n: int) -> bool:
        """Whether a time or another question stands before a word of the topic."""
        gap = " ".join(strip_accents(question[spans[topic[n - 1]][1] : spans[topic[n]][1]]).split())
        apart = words[topic[n - 1] + 1 : topic[n] + 1]
        since = intent == "trend" and any(has_wording("since", word) for word in apart)
        around = is_around and any(has_wording("around", word) for word in apart)
        other = re.match(any_of("next_asks"), gap) or re.search(any_of("or_else"), gap)
        return since or around or bool(other)

    # "AI before 2023 and after" is about AI, and so is "AI, and what gets in the way".
    topic = topic[: next(filter(ends, range(1, len(topic))), len(topic))]
    # "Street vendors - what was learned?" ends with a clause that only asks, "drones used" with a
    # word that does.
    for at in range(len(topic) - 1, 0, -1):
        between = question[spans[topic[at - 1]][1] : spans[topic[at]][1]]
        asking = _only_asks if re.search(r"[?:;,\u2013-] ", between) else is_usual_word
        if all(i not in values and asking(words[i], language, intent) for i in topic[at:]):
            # "The lack of data" is one.
            may_be = is_among(words[topic[-1]], "of_any_work_or_topic", language)
            topic = topic if may_be else topic[:at]
    if not topic:
        return ""
    # "e" of "e-waste" only joins elsewhere.
    hyphened = re.search(r"(?:\w+-)*$", question[: spans[topic[0]][0]])
    return _ASIDE.sub(" ", question[hyphened.start() if hyphened else 0 : spans[topic[-1]][1]])


def _only_asks(word: str, language: str, intent: str = "") -> bool:
    """Whether a word asks for something that any work has, and can be no topic."""
    may_be_topic = is_among(word, "of_any_work_or_topic", language)
    return asks(word, language, intent) and not may_be_topic


def topic_of_plan(plan: Plan, linker: Linker) -> str:
    """What a planned question is about: by the name that reports have for it, if it has another."""
    if plan.concept:
        return plan.concept
    links = linker.link(plan.standalone, plan.language)
    return topic_of(plan.standalone, links, plan.language, plan.intent) or plan.subject


def holds_stages(question: str) -> bool:
    """Whether a question holds a plan against a later one, or against what came of it."""
    begins = has_wording("begins", question)
    goes_on = has_wording("later", question) or has_wording("outcomes", question)
    # How many were wanted and how many came, one report tells.
    is_told_apart = begins and goes_on and not is_quantity(question)
    return is_told_apart and own_score("stages", question) > _STAGES


def titled_sides(
    links: Links, plan: Plan, works: Works, scores: Mapping[str, float]
) -> tuple[str, ...]:
    """The reports that a question names by their titles to compare them; () for fewer than two."""
    # "Palm leaves against erosion: did it work?" compares nothing; titles may be about anything.
    begins = re.match(rf"{any_of('compare')}\b", strip_accents(plan.standalone.lower()))
    compares = has_wording("compare", plan.standalone) and scores["compare"] > scores["passage"]
    if not (begins or compares) or has_sides(plan.boosted):
        return ()
    parts: list[list[str]] = [[]]
    for word in links.words:
        if has_wording("joins", word) or has_wording("compare", word):
            parts.append([])
        elif not asks(word.lower(), plan.language):
            parts[-1].append(word)
    found = [works.named(part, plan) for part in parts if part]
    reports = works.linker.catalog.reports
    named = [work.reports for work in found if work.is_whole and work.reports]
    shortest = [min(ids, key=lambda i: len(reports[i].title)) for ids in named]
    return tuple(dict.fromkeys(shortest)) if len(set(shortest)) > 1 else ()


def only_thanks(question: str, language: str, scores: Mapping[str, float]) -> bool:
    """Whether a message of a conversation thanks, and asks nothing."""
    is_short = len(content_words(question, language)) <= _MOST_THANKS
    return is_short and not re.search("[?؟]", question) and scores["thanks"] > _THANKS


def asks_about(question: str, links: Links, scores: Mapping[str, float]) -> tuple[str, ...] | None:
    """What a question wants to know of the collection or the product; None for other questions.

    The names of fields, "greeting", "thanks", "self", or nothing for "what can you do?", for a
    letter or a sign alone, and for an attempt to change the rules.
    """
    if overrides(question) or re.fullmatch(r"\W*[a-z]?\W*", question.lower()):
        return ()
    # What names nothing is rather talk to the product than off the topic.
    names = scores.keys() - ({"offtopic"} if not links.rest else set())
    best = max(names, key=lambda name: scores[name])
    # What has several words of its own has to be much like talk.
    other = max(scores[name] for name in TO_REPORTS) if len(links.rest) > 1 else 0.0
    unlike = (scores[best] <= _SOCIAL and links.rest) or len(links.rest) > _MOST_REST
    unlike = unlike or scores[best] < other + _TALK_LEAD
    if best not in TALK or unlike:
        return None
    # "Can I ask in French?" and "are you an AI?" are about the product.
    if best != "self" and replace(links.filters(), language=()):
        return None
    return links.fields if best == "about" else (best,)
