"""Answers greetings and questions about the collection itself, from the catalogue."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from rag.catalogue import Catalogue
from rag.fields import TAGS
from rag.injected import overrides
from rag.labels import joined, labelled, reports_and_labs, value_words
from rag.translate import Words, code_of, marked, words_in
from rag.types import Answer, Coverage, Filters, QueryPlan
from rag.words import strip_accents

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
_MOST = 12

_LABELS = {
    "year": marked("Years"),
    "country": marked("Labs"),
    "language": marked("Languages"),
    "method": TAGS["method"].many,
    "theme": TAGS["theme"].many,
    "kind": marked("Kinds of report"),
}


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


def about_answer(plan: QueryPlan, catalogue: Catalogue, languages: Mapping[str, int]) -> Answer:
    """What the collection holds; `languages` are the numbers of passages by code."""
    # A greeting is too short to tell its language otherwise.
    words = words_in(_greeted_in(plan.question) or plan.language)
    years = [name for name, _ in catalogue.counts("year")]
    head = words.gettext(
        "I answer from {reports} of {labs}, written from {first} to {last}, and cite the words "
        "that an answer rests on."
    ).format(
        **reports_and_labs(len(catalogue.reports), len(catalogue.counts("country")), words),
        first=years[0] if years else "?",
        last=years[-1] if years else "?",
    )
    asked = [field for field in asks_about(plan.question) or () if field in _LABELS]
    counts = {field: catalogue.counts(field) for field in _LABELS if field != "language"}
    counts["language"] = list(languages.items())
    lines = [_line(field, counts[field], words) for field in asked or ("year", "kind")]
    return Answer(
        question=plan.question,
        standalone=plan.standalone,
        text="\n".join([head, *lines]),
        refused=False,
        citations=(),
        hits=(),
        coverage=Coverage(intent="about", filters=Filters()),
        mode="catalogue",
        language=code_of(words),
        tokens={"prompt": 0, "completion": 0},
    )


def _greeted_in(question: str) -> str | None:
    """The language of a greeting; None for anything else."""
    said = re.sub(r"^\W+|\W+$", "", strip_accents(question))
    said = re.sub(r" (?:there|everyone|all|a tous|a todos)$", "", said)
    found = (code for code, words in _GREETINGS.items() if re.fullmatch(words, said))
    return next(found, None)


def _line(field: str, counts: Sequence[tuple[str, int]], words: Words) -> str:
    if field in ("language", "method", "theme"):
        counts = sorted(counts, key=lambda pair: -pair[1])
    kept = counts if field in ("year", "country", "kind") else counts[:_MOST]
    said = joined(words, ", ", [f"{value_words(field, name, words)} ({n})" for name, n in kept])
    if rest := len(counts) - len(kept):
        said = words.gettext("{named}, and {n} more").format(named=said, n=rest)
    return labelled(words, words.gettext(_LABELS[field]), said)
