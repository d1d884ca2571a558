"""What readers see: names of fields, values and numbers, messages, and sentences on answers.

The code that has something to say makes a `Notice`; only here is it put into words. A new message
needs a code in the table `messages` of `words.toml` and its translations (`make words`).
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from itertools import product
from types import MappingProxyType
from typing import Literal

from babel import Locale
from babel.numbers import get_decimal_symbol

from rag.catalog.tag_fields import TAGS, ReportInfo, listed_names
from rag.i18n.translations import ENGLISH, WORDS, Translations, format_number, language_code, marked
from rag.places.countries import region_name, region_of, resolve_country
from rag.survey.types import Survey
from rag.text.citation_marks import keep_known
from rag.text.sentences import sentences
from rag.types import Answer, Notice, Passage, Status, Struck

FIELD_LABELS = WORDS["field"] | {name: tag.singular for name, tag in TAGS.items()}
MODE_LABELS, STAGE_LABELS = WORDS["mode"], WORDS["stage"]
KIND_LABELS, TYPE_LABELS, AUTHOR_LABELS = WORDS["kind"], WORDS["type"], WORDS["author"]
KIND_MEANINGS = WORDS["kind_meaning"]
RUNG_LABELS, OUTCOME_LABELS, STANCE_LABELS = WORDS["rung"], WORDS["outcome"], WORDS["stance"]
VERDICT_LABELS, GAP_LABELS, CELL_LABELS = WORDS["verdict"], WORDS["gap"], WORDS["cell"]
_VALUES = {
    "type": TYPE_LABELS | KIND_LABELS,
    "kind": KIND_LABELS,
    "author": AUTHOR_LABELS,
    "theme": WORDS["theme"],
}
# Values that labs write in small letters, which would be read as words.
_ACRONYMS = ("it", "ict", "iot", "gis", "ngo", "gbv")
_MOST_COUNTRIES = 8  # that are named, where they are a region
MOST_TITLE = 70  # characters of a title that names a quote
# The heading of a report's tags (`rag.types.FACTS`).
FACTS_HEADING = marked("Facts of this report")
MESSAGES = WORDS["messages"] | WORDS["english"]
for _model, (_code, _text) in product(("language", "embedding"), WORDS["server"].items()):
    MESSAGES[f"{_model}_model_{_code}"] = _text.replace("language", _model, 1)


def format_count(value: int, noun: str, t: Translations = ENGLISH) -> str:
    """A number with its noun: "1 report", "1,204 reports"."""
    one, many = WORDS["plural"][noun]
    return t.ngettext(one, many, value).format(n=format_number(t, value))


def reports_and_labs(reports: int, labs: int, t: Translations) -> dict[str, str]:
    """The numbers of reports and labs for a message with `{reports}` and `{labs}`.

    Reports of no lab are all of innovators.
    """
    authors = format_count(labs, "lab", t) if labs or not reports else t.gettext("innovators")
    return {"reports": format_count(reports, "report", t), "labs": authors}


def join_parts(t: Translations, separator: Literal[", ", "; "], parts: Sequence[str]) -> str:
    """Parts of a sentence with the language's comma or semicolon between them."""
    return (t.gettext(", ") if separator == ", " else t.gettext("; ")).join(parts)


def kinds_label(kinds: Iterable[str], t: Translations) -> str:
    """How many reports there are of each kind, most first."""
    counts = Counter(value_label("kind", kind, t) for kind in kinds)
    return join_parts(t, "; ", [format_label(t, kind, str(n)) for kind, n in counts.most_common()])


def format_label(t: Translations, label: str, value: str) -> str:
    """A label and its value with the language's colon between them: "Peru: ..."."""
    return t.gettext("{label}: {value}").format(label=label, value=value)


def kind_label(info: ReportInfo, t: Translations) -> str:
    """A report's kind, or the type that it is tagged with."""
    kind = info.kind or info.type
    label = (KIND_LABELS | TYPE_LABELS).get(kind)
    return t.gettext(label) if label else kind.capitalize()


def country_label(name: str, t: Translations) -> str:
    """A lab's name, which may list several countries, in the reader's language.

    English names and names of no known country stay as the report has them.
    """
    language = language_code(t)
    if language == "en":
        return name
    # A country's own name may have a comma.
    names = name.split(", ") if _country(name, language) == name else [name]
    return join_parts(t, ", ", [_country(part, language) for part in names])


def region_label(countries: Sequence[object], t: Translations) -> str:
    """The region that many countries are most of, with their number: "Asia (35)"; or ""."""
    region = region_of(countries)
    name = region and region_name(region, language_code(t))
    return f"{name} ({format_number(t, len(countries))})" if region else ""


@lru_cache(maxsize=2048)
def _country(name: str, language: str) -> str:
    country = resolve_country(name)
    return str(Locale(language).territories.get(country[0], name)) if country else name


def lab_label(info: ReportInfo, t: Translations) -> str:
    """The lab of a report in the reader's language."""
    return join_parts(t, ", ", [country_label(name, t) for name in info.countries]) or (
        t.gettext("Unknown lab")
    )


def title_of(info: ReportInfo, most: int = MOST_TITLE) -> str:
    """A report's title as the name of what is quoted from it, of so many characters at most.

    It ends no sentence before the label's end, and no label.
    """
    title = re.sub(r"^\W*\d+[.)](?!\d)\s*|[\[\]*()_]", " ", info.title)
    parts = [title[start:end].rstrip(".!?؟。… ") for start, end in sentences(title)]
    title = re.sub(r"\s*:(?=\s)", " –", " – ".join(filter(None, parts))).replace(":", "·")
    title = " ".join(title.split()).strip("– ") or info.id
    return title if len(title) <= most else title[:most].rsplit(" ", 1)[0] + " …"


def author_label(info: ReportInfo, t: Translations = ENGLISH) -> str:
    """Who wrote a report: its lab, or an innovator in the lab's country."""
    if info.author == "lab":
        return lab_label(info, t)
    if not info.countries:
        return t.gettext("An innovator")
    return t.gettext("An innovator in {country}").format(country=lab_label(info, t))


def when_label(info: ReportInfo, t: Translations) -> str:
    """A report's year and kind."""
    kind = value_label("kind", info.kind, t)
    return join_parts(t, ", ", [str(info.year or "?"), kind])


def report_label(info: ReportInfo, t: Translations, *, of_lab: bool = False) -> str:
    """A report's author (left out where all are `of_lab`), title, year and kind."""
    who = () if of_lab else (author_label(info, t),)
    return f"{join_parts(t, ', ', [*who, title_of(info)])} ({when_label(info, t)})"


def stage_label(passage: Passage, t: Translations) -> str:
    """What a passage of a lab tells; of an innovator's, who wrote it."""
    if passage.report.author == "lab":
        return t.gettext(STAGE_LABELS[passage.stage])
    return t.gettext("Written by an innovator, collected by the lab")


def value_label(field: str, value: str | int, t: Translations) -> str:
    """A filter's value as readers see it; of a tag by the name that `names.toml` has for it.

    `field` may be the key of a fact. Tags that labs made up stay as they are.
    """
    text = str(value)
    if field == "country":
        return country_label(text, t)
    if field == "language":
        return language_label(text, t)
    key, colon, of_key = text.partition(": ")
    if field == "fact" and colon:
        return format_label(t, field_label(key, t), value_label(key, of_key, t))
    if label := _VALUES.get(field, {}).get(text):
        shown = t.gettext(label)
        return shown.lower() if field in ("kind", "author") else shown
    if text in _ACRONYMS:
        return text.upper()
    names = _first_names(language_code(t))
    number, dot, _ = text.partition(". ")
    if field == "sdg" and dot and (goal := names.get((field, number))):
        return f"{number}. {goal[0].upper()}{goal[1:]}"
    return names.get((field, text)) or names.get(("fact", f"{field}: {text}"), text)


def field_label(name: str, t: Translations) -> str:
    """The name of a filter field or of the key of a fact, as the head of a table."""
    if name in TAGS:
        return t.gettext(TAGS[name].plural)
    if name in FIELD_LABELS:
        return t.gettext(FIELD_LABELS[name])
    shown = _first_names(language_code(t)).get(("field", name), name.replace("_", " "))
    return shown[:1].upper() + shown[1:]


def filter_label(
    name: str,
    values: Sequence[str | int],
    t: Translations,
    separator: str = " / ",
    counts: Mapping[str | int, str] = MappingProxyType({}),
) -> str:
    """A filter in words: its field and its values, counted; of facts each key and its values."""
    # A region needs no list of thirty names.
    many = name == "country" and not counts and len(values) > _MOST_COUNTRIES
    if many and (region := region_label(values, t)):
        return format_label(t, tag_word(name, t), region)
    by_key: dict[str, list[str]] = {}
    for value in values:
        key, _, text = str(value).partition(": ") if name == "fact" else (name, "", str(value))
        label = value_label(key, text, t).replace(". ", " ")
        by_key.setdefault(key, []).append(label + counts.get(value, ""))
    return "; ".join(
        format_label(t, tag_word(key, t), separator.join(texts)) for key, texts in by_key.items()
    )


def tag_word(name: str, t: Translations) -> str:
    """A filter field, or the key of a fact, in the middle of a sentence."""
    return (t.gettext(FIELD_LABELS[name]) if name in FIELD_LABELS else field_label(name, t)).lower()


def source_label(name: str, t: Translations) -> str:
    """What something was read from: the name of a tag, or a form question as it is asked."""
    return field_label(name, t) if name.replace("_", "").isalnum() else f"“{name}”"


@cache
def _first_names(language: str) -> Mapping[tuple[str, str], str]:
    """The first name in a language of each field and value of `names.toml`; none in English."""
    rows = reversed(listed_names() if language != "en" else ())
    return {(field, key): name for field, key, code, name in rows if code == language}


def language_label(code: str, t: Translations = ENGLISH) -> str:
    """A language by its name: "French"; by its code if it has none."""
    return str(Locale(language_code(t)).languages.get(code, code))


def mode_label(mode: str, t: Translations) -> str:
    """Who wrote an answer: no model, or the model by its name."""
    label = MODE_LABELS.get(mode)
    return t.gettext(label) if label else t.gettext("Written by {model}").format(model=mode)


def tokens_words(tokens: Mapping[str, int], t: Translations) -> str:
    """How many tokens a model has read and written."""
    return t.gettext("{read} read, {written} written").format(
        read=format_number(t, tokens.get("prompt", 0)),
        written=format_number(t, tokens.get("completion", 0)),
    )


def run_sentence(answer: Answer, t: Translations) -> str:
    """The tokens and milliseconds that a model spent on an answer, and the cost if it is known."""
    generation, times = answer.generation, answer.timings
    sentence = t.gettext(
        "Prompt version {version}; {read} tokens read, {written} written; planned in {plan} ms, "
        "searched in {search} ms, written in {write} ms"
    ).format(
        version=generation.prompt_version,
        read=format_number(t, answer.tokens.get("prompt", 0)),
        written=format_number(t, answer.tokens.get("completion", 0)),
        plan=format_number(t, round(times.get("plan_ms", 0))),
        search=format_number(t, round(times.get("retrieve_ms", 0))),
        write=format_number(t, round(times.get("answer_ms", 0))),
    )
    if check := answer.tokens.get("check"):
        spent = t.gettext("{tokens} tokens for the check").format(tokens=format_number(t, check))
        sentence = join_parts(t, "; ", [sentence, spent])
    if generation.cost_usd is not None:
        cost = t.gettext("about {cost} US dollars at list prices of {month}")
        amount = f"{generation.cost_usd:.4f}".replace(".", get_decimal_symbol(language_code(t)))
        cost = cost.format(cost=amount, month=generation.prices_of)
        sentence = join_parts(t, "; ", [sentence, cost])
    return f"{sentence}."


def notice_words(notices: Iterable[Notice], t: Translations = ENGLISH) -> str:
    """Notices in the reader's words; the code of a newer version's stands for itself."""
    return " ".join(_message(notice, t) for notice in notices)


def _message(notice: Notice, t: Translations) -> str:
    if notice.code not in MESSAGES:
        return notice.code
    values = {
        name: format_number(t, value) if isinstance(value, int) else value
        for name, value in notice.params.items()
    }
    return t.gettext(MESSAGES[notice.code]).format_map(defaultdict(str, values))


REASON = marked("Reason")


def verdicts(status: Status, corrected: bool, t: Translations = ENGLISH) -> dict[str, str]:
    """The status of a citation in words, by status, and by "corrected" where it was corrected."""
    kinds = (status, "corrected") if corrected else (status,)
    return {kind: t.gettext(WORDS["status"][kind]) for kind in kinds}


def checked_sentence(checked: Mapping[str, int], t: Translations = ENGLISH) -> str:
    """How many sentences of an answer were checked, by status; "" if none were."""
    words = WORDS["checked"]
    counts = {status: n for status in words if (n := checked.get(status))}
    each = [t.gettext(words[key]).format(n=format_number(t, n)) for key, n in counts.items()]
    parts = [join_parts(t, ", ", each)] if each else []
    if counts and (corrected := checked.get("corrected")):
        citations = format_count(corrected, "citation", t)
        parts.append(t.gettext("{citations} corrected").format(citations=citations))
    if left := checked.get("unchecked"):
        sentences = format_count(left, "sentence", t)
        parts.append(t.gettext("{sentences} not checked").format(sentences=sentences))
    told = join_parts(t, "; ", parts)
    if counts:
        sentences = format_count(sum(counts.values()), "sentence", t)
        told = t.gettext("{sentences} checked: {each}").format(sentences=sentences, each=told)
    return f"{told}." if told else ""


def struck_sentence(struck: Struck) -> str:
    """A sentence that was left out, on one line, without its marks, which number other sources.

    Of words in bold it may have only the beginning, or the end.
    """
    return keep_known(" ".join(struck.text.replace("**", "").split()), 0)


def survey_sentence(survey: Survey, t: Translations = ENGLISH) -> str:
    """How many reports speak of a survey's topic, within which bounds, and what a model judged."""
    judged = Counter(row.judge for row in survey.rows if row.judge != "rules")
    by = t.gettext("Verdicts by {model}: {reports}; the others by rules.")
    told = (by.format(model=m, reports=format_count(n, "report", t)) for m, n in judged.items())
    return " ".join([_counted(survey, t), *told])


def _counted(survey: Survey, t: Translations) -> str:
    scope = format_count(len(survey.rows), "report", t)
    found = len(survey.found)
    if not survey.complete:
        stopped = t.gettext("Stopped: of the first {scope}, {found} speak of “{topic}”.")
        return stopped.format(found=format_number(t, found), scope=scope, topic=survey.topic)
    if not found:
        none = t.gettext("No report speaks of “{topic}” ({scope} read).")
        return none.format(scope=scope, topic=survey.topic)
    low, high = (format_number(t, n) for n in survey.interval)
    one, many = WORDS["plural"]["report speaking"]
    return t.ngettext(one, many, found).format(
        **reports_and_labs(found, len(survey.labs), t),
        topic=survey.topic,
        low=low,
        high=high,
        scope=scope,
        about=format_number(t, survey.count("about")),
        mention=format_number(t, survey.count("mentions")),
    )


def coverage_sentence(answer: Answer, t: Translations = ENGLISH) -> str:
    """One sentence on what an answer covered; none for one on the collection as a whole."""
    covered = answer.coverage
    if covered.intent == "list":
        if answer.refused:
            return t.gettext("No report's tags match.")
        complete = reports_and_labs(covered.count, len(covered.labs), t)
        return t.gettext("Complete list: {reports} of {labs}.").format(**complete)
    if covered.intent == "about":
        return ""
    if not covered.read_passages:
        return t.gettext("No passage found.")
    rests_on = reports_and_labs(len(answer.cited), answer.cited_labs, t)
    if covered.speaking:
        rests_on["n"] = format_number(t, covered.speaking)
        return t.gettext("Based on {reports} of {labs}; about {n} speak of it.").format(**rests_on)
    sentence = t.gettext("Based on {reports} of {labs}.").format(**rests_on)
    if answer.refused:
        read = format_count(covered.read_reports, "report", t)
        sentence = t.gettext("Looked through {reports}.").format(reports=read)
    left = covered.matched_reports - covered.read_reports
    return f"{sentence} {format_count(left, 'report not read', t)}" if left > 0 else sentence
