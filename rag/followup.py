"""Tells whether a question carries on the conversation before it; by rules."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from rag.types import Turn
from rag.words import strip_accents, terms

# How a question begins that joins on to what was said, in five languages.
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


def carries_on(question: str, language: str, places: bool, history: Sequence[Turn]) -> bool:
    """Whether a question needs the conversation before it to be understood.

    It does where it joins on ("and in 2023?"), unless it says much and names `places` of its own;
    where it says little or not much, and points back; and where it says little, names no places
    and asks for nothing but what any piece of work has ("why?", "what were the results?").
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


def has_topic(question: str, language: str) -> bool:
    """Whether a question is about more than what any piece of work has."""
    return not set(terms(question, language)) <= _of_any_work(language)


@cache
def _of_any_work(language: str) -> frozenset[str]:
    return frozenset(terms(_OF_ANY_WORK.get(language, _OF_ANY_WORK["en"]), language))
