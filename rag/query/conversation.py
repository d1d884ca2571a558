"""Follow-up questions: which they are, and what they take over from the conversation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from rag.catalog.catalog import Catalog
from rag.catalog.fields import Filters
from rag.places.regions import countries_of_regions_in, without_regions
from rag.query.entities import countries_in, named_in, region_in, without_countries
from rag.text.language import language_of
from rag.text.tokenize import strip_accents, terms
from rag.types import Turn

# Labs or countries in the plural: the question is put to all of them.
_MANY_LABS = re.compile(
    r"\b(?:labs|labos|countries|laboratoires|laboratorios|paises"
    r"|(?<!\bquel )(?<!\bun )(?<!\ble )(?<!\bce )(?<!\bdu )(?<!\bau )pays"
    r"|المختبرات|مختبرات|الدول|البلدان)\b"
)
# What points at the labs of an answer.
_OF_THEM = re.compile(
    r"\bof (?:them|these|those)\b|\b(?:these|those|the same) (?:labs?|countries|teams|reports)\b"
    r"|\b(?:d entre|parmi) (?:eux|elles|ces)\b|\bces (?:labos?|laboratoires|labs|pays)\b"
    r"|\b(?:cuales|quienes|cual|quais|qual) (?:de )?(?:ellos|ellas|estos|esos|deles|delas|esses)\b"
    r"|\b(?:estos|esos|estes|esses) (?:laboratorios|labs|paises)\b|منهم|منها|من بينه"
)
# The beginning of a line of an answer: a lab, with its year and kind in brackets.
_LAB = re.compile(r"^(?:- )?([^\n(:]{2,80}) \((?:\d{4}|\?|\d{1,2}\))", re.MULTILINE)
# How many characters of a turn are read.
_TURN = 600
# How a question begins that continues a conversation, in five languages.
_JOINS_ON = re.compile(
    r"^\W*(?:and|but|so|or|also|then|how so|what else|anything else|what about|how about"
    r"|tell me more|et|mais|alors|quoi d autre|pero|y|entonces|que mas|e|mas|entao|o que mais"
    r"|وماذا|وما|وهل|وكيف|وأين|واين|وكم|ومن|ماذا عن)\b(?!-)"
    r"|\b(?:the same|the former|the latter|you (?:said|mentioned)|les memes|le meme|la meme"
    r"|lo mismo|el mismo|la misma|los mismos|o mesmo|a mesma|نفسها|نفسه)\b"
)
# Words that point back, unless what they point to stands in the question itself.
_POINTS_BACK = {
    "en": r"\b(?:it|its|they|them|their|this|these|those|he|she|his|her|him|there|both)\b"
    # "Plans that used drones" points nowhere, "who paid for that" does.
    r"|(?:^|\b(?:of|did|is|was|does|do|for|about|in|with|to|like|by|from|than|and|after|before|on"
    r"|at|has|had|why|how|could|would|can) )that\b|\bthat(?=\W*$)",
    "fr": r"\b(?:il|elle|ils|elles|leur|leurs|lui|cela|ceci|celui|celle|ceux|celles|cette|cet|ce"
    r"|ces|eux|son|sa|ses)\b",
    "es": r"\b(?:ellos|ellas|su|sus|eso|esto|ese|esa|esos|esas|este|esta|estos|estas|alli|ahi)\b",
    "pt": r"\b(?:ele|ela|eles|elas|seu|sua|seus|suas|isso|isto|esse|essa|esses|essas|deles|delas"
    r"|nisso|disso|desse|dessa|este|esta|la)\b",
    "ar": r"\b(?:ذلك|تلك|هذا|هذه|هؤلاء|هناك|هم|هي|هو|منها|منهم|عنها|عنهم|فيها|لديهم)\b",
}
# The same words where they only introduce: "is there", "est-ce que", "il y a".
_INTRODUCES = re.compile(
    r"\bthere (?:is|are|was|were|has been|have been)\b|\b(?:is|are|was|were) there\b"
    r"|\b(?:qu )?est[- ]ce qu[ei]?\b|\by a[- ]t[- ]il\b|\bil y (?:a|avait)\b|\bil (?:existe|faut)\b"
    r"|\bexiste[- ]t[- ]il\b|\bce qu[ei]?\b"
)
# What any piece of work has: a short question about nothing else is about the work before it.
_OF_ANY_WORK = {
    "en": "results outcomes findings found impact effects benefits cost costs price budget money "
    "fund funded funding pay paid spend spent resources partners partnership team people persons "
    "participants beneficiaries users community women men youth challenges problems barriers "
    "obstacles risks difficulties issues lessons learned insights evidence data methods "
    "methodology approach tools steps next plan plans scale scaled time years months duration "
    "start started end stop stopped work worked fail failed succeed success successful happened "
    "change changed difference details example examples reasons main key big biggest important "
    "exactly actually recommendations conclusion conclusions sources involved take part test "
    "tested try tried measure measured go went get got way wrong good bad better",
    "fr": "résultats effets impact coûté coût prix budget argent financé financement payé dépensé "
    "partenaires équipe personnes participants bénéficiaires communauté femmes hommes jeunes "
    "défis problèmes obstacles risques difficultés leçons enseignements preuves données méthode "
    "méthodes outils étapes suite plan échelle temps années mois durée marché échoué réussi succès "
    "changé différence détails exemple exemples raisons principal principaux principales "
    "recommandations conclusion sources testé mesuré",
    "es": "resultados efectos impacto costó costo precio presupuesto dinero financió financiación "
    "pagó gastó socios equipo personas participantes beneficiarios comunidad mujeres hombres "
    "jóvenes retos desafíos problemas barreras obstáculos riesgos dificultades lecciones evidencia "
    "datos método métodos herramientas pasos siguiente siguientes plan escala tiempo años meses "
    "duración funcionó fracasó éxito cambió diferencia detalles ejemplo ejemplos razones principal "
    "principales recomendaciones conclusión fuentes probaron midieron",
    "pt": "resultados efeitos impacto custou custo preço orçamento dinheiro financiou "
    "financiamento pagou gastou parceiros equipa equipe pessoas participantes beneficiários "
    "comunidade mulheres homens jovens desafios problemas barreiras obstáculos riscos dificuldades "
    "lições evidência dados método métodos ferramentas passos seguinte seguintes plano escala "
    "tempo anos meses duração funcionou falhou sucesso mudou diferença detalhes exemplo exemplos "
    "razões principal principais recomendações conclusão fontes testaram mediram",
    "ar": "النتائج نتائج الأثر التكلفة الميزانية المال التمويل الشركاء الفريق المشاركون النساء "
    "الشباب التحديات المشاكل العقبات المخاطر الدروس الأدلة البيانات الطرق الأدوات الخطوات التالية "
    "الوقت السنوات نجح فشل تغير الفرق التفاصيل مثال الأسباب الرئيسية التوصيات المصادر",
}
# A question with fewer words of its own says too little to be searched for; in one with more
# than so many, what a word points to stands in the question itself.
_FEW = 3
_MANY = 6


@dataclass(frozen=True, slots=True)
class Thread:
    """What a follow-up shares with the conversation, and the question that stands alone.

    `wide` where it is put to many labs, `only` where to none but those of `country`.
    """

    standalone: str
    country: tuple[str, ...] = ()
    year: tuple[int, ...] = ()
    wide: bool = False
    only: bool = False


def language_in(question: str, history: Sequence[Turn] = ()) -> str:
    """The language of a question; that of the conversation where it is too short to tell."""
    return language_of(question, default=_language_of_turns(history), min_letters=8)


def _language_of_turns(history: Sequence[Turn]) -> str:
    """The language of the latest question of a conversation that is long enough to tell."""
    questions = [turn.content for turn in history if turn.role == "user"]
    answers = [turn.content for turn in history if turn.role != "user"]
    for text in (*reversed(questions), *reversed(answers)):
        if language := language_of(text, default=""):
            return language
    return "en"


def to_many_labs(question: str) -> bool:
    """Whether a question is put to labs or countries in the plural."""
    return bool(_MANY_LABS.search(strip_accents(question)))


def points_at_labs(question: str) -> bool:
    """Whether a question is about some of the labs of an answer ("which of them")."""
    return bool(_OF_THEM.search(strip_accents(question)))


def has_topic(question: str, language: str) -> bool:
    """Whether a question is about more than what any piece of work has."""
    return not set(terms(question, language)) <= _of_any_work(language)


def is_follow_up(question: str, language: str, places: bool, history: Sequence[Turn]) -> bool:
    """Whether a question needs the conversation before it to be understood.

    It does where it joins on ("and in 2023?"), unless it has many words and names `places`; where
    it points back and has few words, or not many and no places; and where it has few words, no
    places, and asks only for what any piece of work has ("why?", "what were the results?").
    """
    if not history:
        return False
    folded = _INTRODUCES.sub(" ", re.sub("['’]", " ", strip_accents(question)))
    own = set(terms(question, language))
    if _JOINS_ON.search(folded):
        return not places or len(own) <= _FEW
    if re.search(_POINTS_BACK.get(language, _POINTS_BACK["en"]), folded):
        return len(own) < _FEW or (len(own) <= _MANY and not places)
    return len(own) < _FEW and not places and own <= _of_any_work(language)


def follow_up(question: str, history: Sequence[Turn], named: Filters, catalog: Catalog) -> Thread:
    """What a follow-up takes over, besides what it has `named` itself.

    The topic is that of the question that opened it and of the last one. Places that the question
    names replace those before. Else it is about the labs of the earlier questions, or those that
    the last answer names, whose words then count for the topic too. An answer of many labs is too
    mixed for that: its labs count where the question points at them.
    """
    questions = _questions_of_topic(history)
    answer = history[-1].content if history[-1].role == "assistant" else ""
    year = () if named.year else named_in(questions[-1], catalog).year
    earlier = " ".join(dict.fromkeys(text[:_TURN] for text in (questions[0], questions[-1])))
    # Also a country of which the collection has nothing.
    if countries_in(question) or countries_of_regions_in(question):
        topic = without_regions(without_countries(earlier))
        wide = not named.country and any(map(to_many_labs, questions))
        return Thread(f"{topic} {question}", year=year, wide=wide)
    with_places = next((text for text in reversed(questions) if _places(text, catalog)), "")
    country = _places(with_places, catalog)
    labs = named_in("\n".join(_LAB.findall(answer)), catalog).country
    mixed = len(labs) > 1
    if mixed and points_at_labs(question):
        return Thread(f"{earlier} {question}", labs, year, wide=True, only=True)
    only = to_many_labs(with_places) and not named_in(with_places, catalog).country
    if not (country or mixed):
        country = named_in(answer[:_TURN], catalog).country
    wide = only or (not country and any(map(to_many_labs, questions)))
    standalone = " ".join([earlier, *([] if wide or mixed else [answer[:_TURN]]), question])
    return Thread(without_regions(standalone) if only else standalone, country, year, wide, only)


def previous_question(history: Sequence[Turn]) -> tuple[str, Sequence[Turn]]:
    """The last question of a conversation, and the conversation before it."""
    last = max((i for i, turn in enumerate(history) if turn.role == "user"), default=0)
    return history[last].content, history[:last]


def _questions_of_topic(history: Sequence[Turn]) -> list[str]:
    """The last questions, oldest first, from the one that opened the topic."""
    turns = [turn for turn in history if turn.role == "user"] or [history[-1]]
    first = len(turns) - 1
    while first and _was_follow_up(turns[first], turns[:first]):
        first -= 1
    return [turn.content for turn in turns[first:]]


def _was_follow_up(turn: Turn, before: Sequence[Turn]) -> bool:
    places = bool(countries_in(turn.content)) or to_many_labs(turn.content)
    language = _language_of_turns([*before, Turn("user", turn.content)])
    return is_follow_up(turn.content, language, places, before)


def _places(text: str, catalog: Catalog) -> tuple[str, ...]:
    return named_in(text, catalog).country or region_in(text, catalog)


@cache
def _of_any_work(language: str) -> frozenset[str]:
    return frozenset(terms(_OF_ANY_WORK.get(language, _OF_ANY_WORK["en"]), language))
