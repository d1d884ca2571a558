"""Topics ("informal vendors"): what is typed instead of a question, and in which language it is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import log
from typing import Any

from rag.index.bm25 import KeywordIndex
from rag.query.entities import without_countries
from rag.text.language import LANGUAGES, language_chances
from rag.text.prompt_injection import overrides
from rag.text.tokenize import (
    stop_words,
    strip_accents,
    terms,
    words,
)
from rag.types import Hit, Plan

# More words are a sentence.
MOST_TERMS = 4
MOST_WORDS = 7
# Of fewer letters alone the language can hardly be told: of 41 topics in five languages that of 26,
# with the words of the collection that of 35.
SHORT = 30
EVEN = 0.5
# The chance of a word that no passage of a language has, and of letters that look like another.
UNSEEN = 1e-4
UNSURE = 1e-3
# The logarithm of the odds that who goes on in a conversation keeps its language.
KEPT = 3.0
_ASKS = re.compile(
    r"[?؟]|\b(?:what|which|who|whom|whose|how|why|when|where|is|are|was|were|do|does|did|has|have"
    r"|can|could|should|tell|explain|describe|list|name|count|enumerate|show|give|find|compare"
    r"|que|quoi|quels?|quelles?|qui|comment|pourquoi|quand|ou|combien|est|sont|liste|citez"
    r"|cual|cuales|quien|quienes|como|cuando|donde|cuant[oa]s?|por que|lista|compara"
    r"|qual|quais|quem|onde|quando|quant[oa]s?|porque|compare|versus|vs"
    r"|ما|ماذا|من|كيف|لماذا|متى|أين|اين|كم|هل|اي|أي)\b"
)


def is_topic(text: str, language: str) -> bool:
    """Whether a text is a few words that ask nothing: whoever types them wants all about them."""
    if len(words(text)) > MOST_WORDS or _ASKS.search(strip_accents(text)):
        return False
    return 0 < len(terms(text, language)) <= MOST_TERMS


def language_of_few(
    text: str,
    keyword: KeywordIndex,
    languages: Any,
    counts: Mapping[str, int],
    before: str = "",
) -> str:
    """The language of a few words, by where in the collection they stand; "" for more of them.

    Args:
        text: what was typed.
        keyword: the words of the collection.
        languages: the language of each passage, an array.
        counts: how many passages there are of each language.
        before: the language of the conversation, which names alone don't change; "" for none.
    """
    if sum(ch.isalpha() for ch in text[: 2 * SHORT]) >= SHORT:
        return ""
    # Names of countries are of no language.
    bare = without_countries(text)
    said, letters = words(bare), language_chances(bare)
    if not said:
        return before
    if letters["ar"] > EVEN:
        return "ar"

    def likelihood(code: str) -> float:
        """The logarithm of the chance of the words and, twice, of the letters in a language."""
        # Small words stand in most passages and are not looked for.
        small, total = stop_words(code), counts.get(code, 0) + 1
        shares = (
            0.3 if word in small else _passages(word, code, keyword, languages) / total
            for word in said
        )
        chance = sum(log(share + UNSEEN) for share in shares) + 2 * log(letters[code] + UNSURE)
        # Of a language with hardly a text a single one proves little.
        return chance + log(total) / 2 + (KEPT if code == before else 0.0)

    return max(LANGUAGES, key=likelihood)


def _passages(word: str, code: str, keyword: KeywordIndex, languages: Any) -> int:
    """How many passages of a language have a word."""
    columns = (keyword.column(term)[0] for term in terms(word, code))
    return max((int((languages[column] == code).sum()) for column in columns), default=0)


# Which passages speak of what a question is about, word for word.


# A single word may mean anything: "plastic" is no evidence that a passage is about plastic. It is
# where nothing else was asked.
FEWEST = 2
# From here on a word of another language means the same as a topic's: "informal" is 0.83 near to
# "informel", "information" 0.69. Several together prove what each alone does not.
SAME = 0.7


def of_topic(plan: Plan, hits: Sequence[Hit], told: set[int]) -> tuple[Plan, set[int]]:
    """A plan and the passages, from 1 and of `told`, that its answer is made of.

    Of a topic those tell that have its words, and where they are of one report all of its; where
    none has, the report that comes nearest.
    """
    if not is_topic(plan.question, plan.language):
        return plan, told
    speaking = told & speaking_of(plan, hits)
    reports = {hits[n - 1].passage.report.id for n in speaking}
    if len(reports) == 1:
        speaking = {n for n in told if hits[n - 1].passage.report.id in reports}
    return replace(plan, wide=bool(speaking)), speaking or told


def proved_by(plan: Plan, hits: Sequence[Hit]) -> set[int]:
    """The passages, from 1, that are about a question's topic, even if none is similar to it.

    Similarity tells little of short topics: "informal vendors" is far from passages about them.
    """
    topic, several = is_topic(plan.question, plan.language), len(_wanted(plan)) >= FEWEST
    return speaking_of(plan, hits, translated=topic and several) if topic or several else set()


def speaking_of(plan: Plan, hits: Sequence[Hit], *, translated: bool = True) -> set[int]:
    """The passages, from 1, with every word that a question is about.

    With `translated` a passage in another language may have one that means the same.
    """
    wanted = _wanted(plan)
    near = {
        word: {term for term, likeness in alike.near.items() if likeness >= SAME}
        for alike in plan.alike
        for word in alike.terms
        if translated
    }
    found = set()
    for n, passage in enumerate((hit.passage for hit in hits), start=1):
        text = f"{passage.text} {passage.context}"
        have, other = set(terms(text, plan.language)), passage.language != plan.language
        if other:
            have |= set(terms(text, passage.language))
        if all(w in have or (other and not have.isdisjoint(near.get(w, ()))) for w in wanted):
            found.add(n)
    return found


def _wanted(plan: Plan) -> set[str]:
    return set(terms(plan.standalone, plan.language))


# Answers greetings and questions about the collection itself, from the catalog.


_GREETINGS = {
    "en": r"hello|hi|hey|good (?:morning|afternoon|evening|day)|help"
    r"|thanks?(?: you)?(?: (?:very|so) much)?",
    "fr": r"bonjour|bonsoir|salut|merci(?: beaucoup)?|aide",
    "es": r"hola|buen[oa]s (?:dias|tardes|noches)|(?:muchas )?gracias|ayuda",
    "pt": r"ola|bom dia|boa (?:tarde|noite)|(?:muito )?obrigad[oa]|ajuda",
    "ar": r"مرحبا|السلام عليكم|اهلا|أهلا|شكرا|مساعدة",
}
_THINGS = {
    "year": r"years?|annees?|anos|period\w*|سنوات|أعوام|اعوام|السنوات",
    "country": r"countries|labs?|laborato\w+|pays|paises|دول|الدول|بلدان|مختبرات|المختبرات",
    "language": r"languages?|langues?|idiomas?|linguas?|لغات|اللغات",
    "method": r"methods?|methodes?|metodos?|أساليب|مناهج",
    "theme": r"topics?|themes?|subjects?|sujets?|temas?|موضوعات|مواضيع|المواضيع",
    "kind": r"(?:kinds?|types?|sorts?|tipos?) (?:of |de |d )?(?:reports?|rapports?|informes?"
    r"|relatorios?|documents?|documentos?)",
    "report": r"reports?|documents?|rapports?|informes?|relatorios?|documentos?|تقارير|التقارير",
}
_ASK = (
    r"(?:which|what|how many|quel(?:le)?s?|combien d[e ]?|que|cuales|cuant[oa]s|quais|quant[oa]s"
    r"|what are the|quels sont les|ما هي|ما|كم عدد|كم)"
)
# What makes it a question about the collection, not about what the reports say.
_YOURS = (
    r"(?:(?:do|can|did) you (?:cover|have|hold|know|include|speak|understand|contain|search)"
    r"|are you (?:based|built|made) on"
    r"|(?:does|do|are|is) (?:in )?(?:this|the|your) (?:collection|corpus|database|index|library)"
    r"|(?:(?:are|is) )?(?:there )?in (?:this|the|your) (?:collection|corpus|database|index|library)"
    r"|(?:are |is )?(?:covered|included|available|indexed)(?: here| by you)?\W*$"
    r"|(?:couvre|couvrez|avez|as|connais|connaissez|parles|parlez|contient)[ -]"
    r"(?:tu|vous|ils?|elle)"
    r"|(?:contient|couvre|compte) (?:la|cette|votre|ta) collection"
    r"|(?:y a[ -]t[ -]il |sont )?dans (?:la|cette|votre|ta) (?:collection|base)"
    r"|(?:cubres?|tienes|tiene|abarcas?|conoces|hablas|cubre|contiene|hay) "
    r"?(?:usted|(?:en )?(?:la|esta|tu|su) (?:coleccion|base))?\W*$"
    r"|(?:cobres?|tens|tem|abranges?|conheces|falas|cobre|contem|ha) "
    r"?(?:voce|(?:n?a|nesta|esta|tua|sua) (?:colecao|base))?\W*$"
    r"|(?:تغطيها|تغطي|لديك|عندك|تعرف|تشملها|في هذه المجموعة|في المجموعة)\W*)"
)
_SELF = re.compile(
    r"^\W*(?:who are you|what are you"
    r"|what (?:can|do) (?:you|i) (?:do|ask|know|answer)(?: here| about| you)?"
    r"|how do you (?:work|know)|what is (?:this|in this collection|this collection)(?: about)?"
    r"|where (?:does|do) (?:your|the) (?:data|answers?|information) come from"
    r"|qui es[ -]tu|qui etes[ -]vous|que (?:sais|peux|savez|pouvez)[ -](?:tu|vous)(?: faire)?"
    r"|quien eres|que (?:sabes|puedes)(?: hacer)?|quem es|quem e voce|o que (?:sabes|podes|pode)"
    r"(?: fazer)?|من أنت|من انت|ماذا تعرف|ماذا يمكنك أن تفعل)\W*$"
)


def asks_about(question: str) -> tuple[str, ...] | None:
    """What a question wants to know of the collection: filter fields, "language", "report".

    Empty for a greeting, "what can you do?" or an attempt to have it do something else; None for a
    question to the reports.
    """
    folded = re.sub("['’]", " ", strip_accents(question)).strip()
    if _greeted_in(question) or _SELF.search(folded) or overrides(question):
        return ()
    for field, said in _THINGS.items():
        asked = re.search(rf"^\W*(?:in )?{_ASK}\s?(?:{said})\s+(?:\w+ ){{0,2}}?{_YOURS}", folded)
        # "How many reports do you have on water?" is put to the reports.
        if asked and not re.search(r"\w", folded[asked.end() :]):
            return (field,)
    return None


def _greeted_in(question: str) -> str | None:
    """The language of a greeting; None for anything else."""
    said = re.sub(r"^\W+|\W+$", "", strip_accents(question))
    said = re.sub(r" (?:there|everyone|all|a tous|a todos)$", "", said)
    found = (code for code, words in _GREETINGS.items() if re.fullmatch(words, said))
    return next(found, None)
