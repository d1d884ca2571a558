"""Question -> QueryPlan: language, what it asks for, the places and years it names; by rules."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from rag.catalogue import Catalogue
from rag.countries import fold_name, names_to_iso
from rag.demonyms import adjective_to_iso
from rag.types import Filters, Intent, QueryPlan, Turn
from rag.words import language_of, strip_accents, terms, words

_LIST = re.compile(
    r"^\W*(?:(?:in )?(?:which|what) (?:labs?|countries|country|reports?|plans?|experiments?)\b"
    r"|how many (?:action |learning )*(?:labs?|countries|reports?|plans?|experiments?)\b"
    r"|(?:list|name|count|enumerate|show)\b"
    r"|(?:dans )?quels? (?:pays|laborato|labs|rapports|plans|experi)"
    r"|combien de (?:pays|laborato|labs|rapports|plans|experi)|(?:faites? la )?liste"
    r"|(?:en )?(?:que|cuales|cuantos|cuantas) (?:son los )?(?:paises|laborat|labs|informes|planes"
    r"|experi)|haz (?:la|una) lista|enumer"
    r"|(?:em )?(?:que|quais|quantos|quantas) (?:sao os )?(?:paises|laborat|labs|relatorios|planos"
    r"|experi)|ما هي|كم عدد|اذكر)",
    re.IGNORECASE,
)
# What may stand in a question beside its filters without narrowing it.
_LISTING_WORDS = (
    "use uses used using apply applied name named mention mentioned list all have has made "
    "were was are there carry tagged give given show find collection complete many number "
    "count title titles write wrote written publish published year dated learning action plan "
    "plans closing closings experiment experiments report reports lab labs country countries "
    "solution solutions method methods theme themes utilise utilisent utilisé citent cite "
    "liste tous toutes année pays plans expériences clôtures usan usaron utilizaron utilizan "
    "lista todos todas año países planes experimentos cierres usam usaram utilizaram lista "
    "todos ano países planos experimentos encerramentos خطط العمل خطة عام سنة اذكر عناوينها "
    "سجلها سجّلها مختبر المختبر التجارب"
)
_ABOUT_TAGS = re.compile(
    r"\b(?:methods?|data sources?|sdgs?|tagged|themes?|thematic areas?|methodes?|metodos?"
    r"|sources? de donnees|fuentes? de datos|fontes? de dados|odd|ods|goals?)\b"
)
_COMPARE = re.compile(
    r"\b(?:compare|compared|comparison|differ|difference|diferenci\w+|compar\w+|versus|vs|change[d]?"
    r"|develop(?:ed)?|evolve[d]?|evolucion\w*|evolu\w+|between)\b"
)
# Labs or countries in the plural: the question is put to all of them.
_MANY_LABS = re.compile(
    r"\b(?:labs|countries|laboratoires|laboratorios|pays|paises|المختبرات|الدول|البلدان)\b"
)
_YEAR = re.compile(r"(?<!\d)(20[12]\d)(?!\d)")
_KINDS = {
    "closing": r"\bclosing (?:form|report|plan)s?\b|\bclosings?\b|\bcloture\b|\bcierres?\b"
    r"|\bencerramentos?\b",
    "experiment": r"\bexperiments?\b|\bexperiences?\b(?= )|\bexperimentos?\b|التجارب",
    "solution": r"\bsolutions?\b(?= (?:pages?|mapped))",
}
# "Plan" in a question means the whole form, whose last part is the closing.
PLAN_TYPE = "learningplan"
_PLANS = (
    r"\b(?:action|learning) (?:learning )?plans?\b|\bplans? d.action|\bplans?\b"
    r"|\bplan(?:es|os|o)\b|خطط العمل|خطة"
)
# Country names that are also everyday words or names: only with a capital letter.
_CAPITAL = re.compile(r"^[^\W\d_]", re.UNICODE)


def make_plan(
    question: str,
    history: Sequence[Turn],
    given: Filters,
    catalogue: Catalogue,
) -> QueryPlan:
    """How a question is understood.

    Args:
        question: what the user asked.
        history: the conversation before it, oldest first.
        given: filters that the user set; they narrow the search.
        catalogue: the reports; only labs and tags that exist are recognised.
    """
    language = language_of(question, default=_language_before(history), min_letters=8)
    standalone = _standalone(question, history)
    named = _named(question, catalogue)
    if history and not named.country:
        named = replace(named, country=_named(_last(history), catalogue).country)
    intent = _intent(question, named)
    wide = intent != "answer" or bool(_MANY_LABS.search(strip_accents(question)))
    plan = QueryPlan(question, standalone, language, intent, given, named, wide)
    if intent != "list":
        return plan
    tags = _tags_named(question, catalogue)
    if not _all_understood(question, language, named, tags):
        return replace(plan, intent="answer")
    return replace(plan, filters=given.merged(named).merged(tags), boosted=Filters())


def _all_understood(question: str, language: str, named: Filters, tags: Filters) -> bool:
    """Whether a list by these filters is what a question asks for, and nothing narrower.

    It is where the question speaks of tags ("among the methods") and one was recognised, or
    where nothing is left of it but words of listing.
    """
    if not (named or tags):
        return False
    if _ABOUT_TAGS.search(strip_accents(question)):
        return bool(tags)
    said = " ".join(str(v) for values in named.merged(tags).as_dict().values() for v in values)
    known = {*terms(said, language), *terms(said, "en")}
    known |= _listing_stems(language) | _listing_stems("en")
    left = [term for term in terms(question, language) if term not in known]
    places = sum(len(words(name)) for name in named.country)
    # A country may go by another name in the question: as many words may stand for it.
    return len(left) <= (places if named.country else 0)


@cache
def _listing_stems(language: str) -> frozenset[str]:
    return frozenset(terms(_LISTING_WORDS, language))


def _language_before(history: Sequence[Turn]) -> str:
    return language_of(history[-1].content) if history else "en"


def _last(history: Sequence[Turn]) -> str:
    """The last question and answer of a conversation, no longer than a paragraph each."""
    return " ".join(turn.content[:600] for turn in history[-2:])


def _standalone(question: str, history: Sequence[Turn]) -> str:
    """A follow-up question with the last question and answer, whose topic it carries on."""
    return f"{_last(history)} {question}" if history else question


def _intent(question: str, named: Filters) -> Intent:
    folded = strip_accents(question)
    if _LIST.search(folded):
        return "list"
    sides = max(len(named.country), len(named.year))
    if sides >= 2 and _COMPARE.search(folded):
        return "compare"
    return "answer"


def _named(text: str, catalogue: Catalogue) -> Filters:
    """The countries, years and kinds of report that a text names."""
    known = {str(key) for key in catalogue.keys("country")}
    codes = [code for code in countries_in(text) if code in known]
    years = sorted({int(year) for year in _YEAR.findall(text)} & catalogue.keys("year"))
    folded = strip_accents(text)
    kinds = [kind for kind, pattern in _KINDS.items() if re.search(pattern, folded)]
    plans = bool(re.search(_PLANS, folded))
    if plans and "closing" in kinds:
        kinds.remove("closing")
    return Filters(
        country=tuple(catalogue.name("country", code) for code in codes),
        year=tuple(int(year) for year in years),
        type=(PLAN_TYPE,) if plans and not kinds else (),
        kind=tuple(kind for kind in kinds if kind in catalogue.keys("kind")),
    )


def countries_in(text: str) -> list[str]:
    """Alpha-2 codes of the countries that a text names, in order.

    Names count in five languages, the longest first ("Guinea-Bissau" before "Guinea");
    adjectives ("South African", "colombianos") by their ending. A word in lower case is no
    name of a country where the text uses capitals ("turkey", "chad").
    """
    parts = re.findall(r"\w+", re.sub(r"['’]s\b", "", text))
    folded = [fold_name(part) for part in parts]
    capitals = text != text.lower()
    found: dict[str, None] = {}
    i = 0
    while i < len(parts):
        step = 1
        for n in range(min(6, len(parts) - i), 0, -1):
            code = _country(" ".join(folded[i : i + n]), parts[i], capitals)
            if code:
                found[code] = None
                step = n
                break
        i += step
    return list(found)


def _country(phrase: str, first: str, capitals: bool) -> str | None:
    """The code of the country that a folded phrase names or is the adjective of."""
    code = names_to_iso().get(phrase)
    if code:
        return None if capitals and first[0] != first[0].upper() else code
    # The article and prepositions are written as one with an Arabic name.
    if re.match(r"[\u0600-\u06ff]", phrase):
        for prefix in ("ال", "وال", "بال", "لل", "ب", "ل", "و", "في"):
            bare = phrase.removeprefix(prefix)
            if bare != phrase and len(bare) > 2:
                code = names_to_iso().get(bare) or names_to_iso().get("ال" + bare)
                if code:
                    return code
        return names_to_iso().get("ال" + phrase)
    return adjective_to_iso(phrase)


def _tags_named(question: str, catalogue: Catalogue) -> Filters:
    """The methods, data sources, goals and themes of the catalogue that a question names."""
    phrase = _spelling(question)
    found: dict[str, tuple[str, ...]] = {}
    generic = set() if _ABOUT_TAGS.search(strip_accents(question)) else _listing_stems("en")
    for field in ("method", "datasource", "theme"):
        values: dict[str, int] = {}
        for key in sorted(map(str, catalogue.keys(field))):
            stemmed = _spelling(key)
            if len(stemmed) > 5 and stemmed in phrase and set(stemmed.split()) - generic:
                # A value has a key for each spelling: the longest one named counts.
                name = catalogue.name(field, key)
                values[name] = max(len(stemmed), values.get(name, 0))
        if values:
            longest = max(values.values())
            found[field] = tuple(name for name, size in values.items() if size == longest)
    goals = re.findall(r"\b(?:sdg|ods|odd)\s*(\d{1,2})\b", strip_accents(question))
    names = [catalogue.name("sdg", f"{n}.") for n in goals]
    if names:
        return Filters(sdg=tuple(names))
    if "method" in found and "datasource" in found:
        folded = strip_accents(question)
        found.pop(
            "method" if re.search(r"\bdata source|\bfuente|\bsource de", folded) else "datasource"
        )
    if "method" in found or "datasource" in found:
        found.pop("theme", None)
    return Filters(**found)  # type: ignore[arg-type]


def _spelling(text: str) -> str:
    """The stems of a text, British and American spelling alike, with a space at both ends."""
    american = re.sub(r"(?<=\w{2})our", "or", strip_accents(text))
    return f" {' '.join(terms(american, 'en'))} "
