"""What a question asks for: a list, a comparison, the collection itself, or an answer."""

from __future__ import annotations

import re

from rag.catalog.fields import Filters
from rag.query.entities import countries_in
from rag.text.prompt_injection import overrides
from rag.text.tokenize import strip_accents
from rag.types import Intent

# What may stand between "which" and "plans": a year, a number, an adjective or two of listing.
_BETWEEN = r"(?:(?:of )?(?:the )?(?:20\d\d|different|other|action|learning|closing|many) )*"
_LISTABLE = r"(?:labs?|countries|country|reports?|plans?|closings?|experiments?)\b"
_LIST = re.compile(
    rf"^\W*(?:(?:in )?(?:which|what)(?: are(?: all)?)? {_BETWEEN}{_LISTABLE}"
    rf"|how many {_BETWEEN}{_LISTABLE}|all (?:of )?(?:the )?{_BETWEEN}{_LISTABLE}"
    r"|(?:(?:can|could) you |please )*(?:list|name|count|enumerate|show)\b"
    r"|(?:(?:can|could) you |please |i (?:want|need) )*(?:(?:give|get|show) me )?"
    r"(?:the|a) (?:\w+ )?list of\b"
    r"|(?:dans )?quels?(?: sont les)? (?:pays|laborato|labos?|labs|rapports|plans|experi)"
    r"|combien de (?:pays|laborato|labos?|labs|rapports|plans|experi)"
    r"|(?:(?:faites?|donnez|donne)(?:[ -]moi)? )?(?:la )?liste"
    r"|(?:en )?(?:que|cuales|cuantos|cuantas) (?:son los )?(?:paises|laborat|labs|informes|planes"
    r"|experi)|(?:haz|dame|deme) (?:la|una) lista|(?:la )?lista (?:completa )?de\b|enumer"
    r"|(?:em )?(?:que|quais|quantos|quantas) (?:sao os )?(?:paises|laborat|labs|relatorios|planos"
    r"|experi)|(?:faca|de-me|da-me) (?:a|uma) lista|ما هي|كم عدد|اذكر)",
    re.IGNORECASE,
)
_COMPARE = re.compile(
    r"\b(?:compare|compared|comparison|differ|difference|diferenci\w+|compar\w+|versus|vs|change[d]?"
    r"|develop(?:ed)?|evolve[d]?|evolucion\w*|evolu\w+|between|against|contrast\w*|side by side"
    r"|contre|par rapport|cote a cote|face a|frente a|lado a lado|entre)\b"
)
# "Which country was the first" asks for one, whatever else it looks like.
_FOREMOST = re.compile(
    r"\b(?:is|was|be) the (?:first|last|only|most|least|\w+est)\b"
    r"|\b(?:est|etait|fut|ete) l[ea] (?:premier|derni|seul|plus|moins)"
    r"|\b(?:es|fue|era|sido|e|foi) (?:el|la|o|a) (?:prime|ultim|unic|mas|mais|menos)"
    r"|(?:كان|كانت|هو|هي) (?:ال)?(?:اول|اخر|وحيد|اكثر|اقل)"
)
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


def intent_of(question: str, named: Filters) -> Intent:
    """The intent of a question to the reports that names some labs, years and kinds."""
    if asks_for_list(question):
        return "list"
    # Two labs are both wanted, however they are named; two years may be a span.
    two_labs = len(countries_in(question)) > 1 and len(named.country) > 1
    if two_labs or (has_sides(named) and _COMPARE.search(strip_accents(question))):
        return "compare"
    return "answer"


def has_sides(named: Filters) -> bool:
    """Whether there are two labs or two years to compare."""
    return max(len(named.country), len(named.year)) >= 2


def asks_for_list(question: str) -> bool:
    """Whether a question has the form of one for a list ("which labs", "how many reports")."""
    return bool(_LIST.search(strip_accents(question)))


def asks_for_foremost(question: str) -> bool:
    """Whether a question asks for a single report ("the first", "the only", "the largest")."""
    return bool(_FOREMOST.search(strip_accents(question)))


def asks_about(question: str) -> tuple[str, ...] | None:
    """What a question wants to know of the collection: filter fields, "language", "report".

    Empty for a greeting, "what can you do?" or an attempt to change the rules; None for a question
    to the reports.
    """
    folded = re.sub("['’]", " ", strip_accents(question)).strip()
    if greeting_language(question) or _SELF.search(folded) or overrides(question):
        return ()
    for field, names in _THINGS.items():
        match = re.search(rf"^\W*(?:in )?{_ASK}\s?(?:{names})\s+(?:\w+ ){{0,2}}?{_YOURS}", folded)
        # "How many reports do you have on water?" is put to the reports.
        if match and not re.search(r"\w", folded[match.end() :]):
            return (field,)
    return None


def greeting_language(question: str) -> str:
    """The language of a greeting; "" for anything else."""
    plain = re.sub(r"^\W+|\W+$", "", strip_accents(question))
    plain = re.sub(r" (?:there|everyone|all|a tous|a todos)$", "", plain)
    codes = (code for code, pattern in _GREETINGS.items() if re.fullmatch(pattern, plain))
    return next(codes, "")
