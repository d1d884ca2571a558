"""How drafted questions are worded, in the five languages of the reports."""

from __future__ import annotations

import re

from babel import Locale

from rag.places.countries import resolve_country

# What reports of a type are called; the first is for all types together. All are masculine in
# French, Spanish and Portuguese, so that one wording fits them.
NOUNS = {
    "en": ("reports", "action learning plans", "experiments", "solution reports"),
    "fr": ("rapports", "plans d'action", "rapports d'expérience", "rapports de solution"),
    "es": ("informes", "planes de acción", "informes de experimento", "informes de solución"),
    "pt": ("relatórios", "planos de ação", "relatórios de experimento", "relatórios de solução"),
    "ar": ("التقارير", "خطط العمل", "تقارير التجارب", "تقارير الحلول"),
}
TYPES = ("", "learningplan", "experiment", "solution")
# What a report of a kind is called in English where one is meant.
KINDS = {"plan": "plan", "closing": "closing report", "experiment": "experiment"}
ONE = "report"
# A question for a list: what is asked for, with a tag, and by lab and year alone.
LISTS = {
    "en": (
        "Which {noun}{year}{lab} {clause}?",
        "How many {noun}{year}{lab} {clause}, and which are they?",
    ),
    "fr": (
        "Quels {noun}{year}{lab} {clause} ?",
        "Combien de {noun}{year}{lab} {clause}, et lesquels ?",
    ),
    "es": ("¿Qué {noun}{year}{lab} {clause}?", "¿Cuántos {noun}{year}{lab} {clause}, y cuáles?"),
    "pt": (
        "Que {noun}{year}{lab} {clause}?",
        "Quantos {noun}{year}{lab} {clause}, e quais são?",
    ),
    "ar": (
        "ما هي {noun}{year}{lab} التي {clause}؟",
        "كم عدد {noun}{year}{lab} التي {clause}، وما عناوينها؟",
    ),
}
BARE_LISTS = {
    "en": (
        "Which {noun}{year} does the collection have{lab}?",
        "How many {noun}{year} are there{lab}, and which are they?",
    ),
    "fr": (
        "Quels {noun}{year}{lab} y a-t-il dans la collection ?",
        "Combien de {noun}{year}{lab} y a-t-il, et lesquels ?",
    ),
    "es": (
        "¿Qué {noun}{year}{lab} hay en la colección?",
        "¿Cuántos {noun}{year}{lab} hay, y cuáles son?",
    ),
    "pt": ("Que {noun}{year}{lab} há na coleção?", "Quantos {noun}{year}{lab} há, e quais são?"),
    "ar": (
        "ما هي {noun}{year}{lab} في المجموعة؟",
        "كم عدد {noun}{year}{lab} في المجموعة، وما عناوينها؟",
    ),
}
CLAUSES = {
    "en": {
        "methods": "name {value} among their methods",
        "datasources": "use {value} as a data source",
        "sdgs": "are tagged with SDG {value}",
        "thematic_areas": "have {value} among their thematic areas",
    },
    "fr": {
        "methods": "citent « {value} » parmi leurs méthodes",
        "datasources": "utilisent « {value} » comme source de données",
        "sdgs": "sont rattachés à l'ODD {value}",
        "thematic_areas": "ont « {value} » parmi leurs thèmes",
    },
    "es": {
        "methods": "citan «{value}» entre sus métodos",
        "datasources": "usan «{value}» como fuente de datos",
        "sdgs": "están vinculados al ODS {value}",
        "thematic_areas": "tienen «{value}» entre sus temas",
    },
    "pt": {
        "methods": "citam «{value}» entre os seus métodos",
        "datasources": "usam «{value}» como fonte de dados",
        "sdgs": "estão ligados ao ODS {value}",
        "thematic_areas": "têm «{value}» entre os seus temas",
    },
    "ar": {
        "methods": "تذكر «{value}» ضمن طرقها",
        "datasources": "تستخدم «{value}» مصدرًا للبيانات",
        "sdgs": "تحمل الهدف {value} من أهداف التنمية المستدامة",
        "thematic_areas": "تذكر «{value}» ضمن مواضيعها",
    },
}
OF_YEAR = {"en": " of {}", "fr": " de {}", "es": " de {}", "pt": " de {}", "ar": " لعام {}"}
IN_YEAR = {"en": "in {}", "fr": "en {}", "es": "en {}", "pt": "em {}", "ar": "في عام {}"}
OF_LAB = {
    "en": " from the {} lab",
    "fr": " du laboratoire {}",
    "es": " del laboratorio de {}",
    "pt": " do laboratório {}",
    "ar": " من مختبر {}",
}
IN_COUNTRY = {"en": "in {}", "fr": "({})", "es": "en {}", "pt": "({})", "ar": "في {}"}
# A question for one report: by its title and a form question, and by a topic.
BY_TITLE = {
    "en": (
        "According to the {lab} lab's {year} {kind} “{title}”, {asked}",
        "In the {lab} lab's “{title}” ({year}), {asked}",
    ),
    "fr": (
        "Que répond le laboratoire {lab} à la question « {asked} » dans son rapport de {year} "
        "« {title} » ?",
    ),
    "es": (
        "¿Qué responde el laboratorio de {lab} a la pregunta «{asked}» en su informe de {year} "
        "«{title}»?",
    ),
    "pt": (
        "O que responde o laboratório {lab} à pergunta «{asked}» no seu relatório de {year} "
        "«{title}»?",
    ),
    "ar": ("بماذا يجيب مختبر {lab} عن السؤال «{asked}» في تقريره لعام {year} «{title}»؟",),
}
NEXT = {
    "en": "And {asked}",
    "fr": "Et que répond-il à la question « {asked} » ?",
    "es": "¿Y qué responde a la pregunta «{asked}»?",
    "pt": "E o que responde à pergunta «{asked}»?",
    "ar": "وبماذا يجيب عن السؤال «{asked}»؟",
}
BY_TOPIC = {
    "en": {
        "intention": "What did the {lab} lab set out to do or find out about {topic} in {year}?",
        "finding": "What did the {lab} lab learn about {topic} in {year}?",
        "evidence": "What does the {lab} lab say about {topic} in its {year} report?",
    },
    "fr": {
        "intention": "Que veut faire ou savoir le laboratoire {lab} au sujet de « {topic} » en "
        "{year} ?",
        "finding": "Qu'a appris le laboratoire {lab} au sujet de « {topic} » en {year} ?",
        "evidence": "Que dit le laboratoire {lab} de « {topic} » dans son rapport de {year} ?",
    },
    "es": {
        "intention": "¿Qué quería hacer o saber el laboratorio de {lab} sobre «{topic}» en {year}?",
        "finding": "¿Qué aprendió el laboratorio de {lab} sobre «{topic}» en {year}?",
        "evidence": "¿Qué dice el laboratorio de {lab} sobre «{topic}» en su informe de {year}?",
    },
    "pt": {
        "intention": "O que queria fazer ou saber o laboratório {lab} sobre «{topic}» em {year}?",
        "finding": "O que aprendeu o laboratório {lab} sobre «{topic}» em {year}?",
        "evidence": "O que diz o laboratório {lab} sobre «{topic}» no seu relatório de {year}?",
    },
    "ar": {
        "intention": "ما الذي أراد مختبر {lab} فعله أو معرفته بشأن «{topic}» في عام {year}؟",
        "finding": "ماذا تعلّم مختبر {lab} عن «{topic}» في عام {year}؟",
        "evidence": "ماذا يقول مختبر {lab} عن «{topic}» في تقريره لعام {year}؟",
    },
}
# The same of a lab whatever the year.
OF_TOPIC = {
    "en": "What did the {lab} lab find out about {topic}?",
    "fr": "Que sait-on au laboratoire {lab} au sujet de « {topic} » ?",
    "es": "¿Qué averiguó el laboratorio de {lab} sobre «{topic}»?",
    "pt": "O que apurou o laboratório {lab} sobre «{topic}»?",
    "ar": "ماذا عرف مختبر {lab} عن «{topic}»؟",
}
# French names that don't follow their ending: masculine on -e, plural, and without an article.
_FR_MASCULINE = frozenset(("MX", "MZ", "KH", "ZW", "BZ", "SR", "CG", "CD"))
_FR_PLURAL = frozenset(("PH", "KM", "MV", "SC", "US", "NL", "AE", "BS", "FJ", "MH", "SB"))
_FR_BARE = frozenset(("CU", "HT", "MG", "ST", "DJ", "MU", "BH", "CY", "MT", "MC", "SG", "TT", "KI"))
# The same in Portuguese; what is left ends on -a where it is feminine.
_PT_PLURAL = {"PH": "das", "MV": "das", "SC": "das", "FJ": "das", "BS": "das", "KM": "das"} | {
    "US": "dos",
    "NL": "dos",
    "AE": "dos",
}
_PT_FEMININE = frozenset(("CI", "GN", "GW", "GQ", "PG", "AR"))
_PT_BARE_CODES = "AO MZ CV PT CU ST TL MA IL SV HN MG MU CY MT SG TT HT"
_PT_BARE = frozenset(_PT_BARE_CODES.split())


def country_name(language: str, country: str) -> str:
    """A country's name in a language; as given where it is no country or the language English."""
    codes = resolve_country(country)
    if language == "en" or not codes:
        return country
    return str(Locale(language).territories.get(codes[0], country))


def lab_name(language: str, country: str) -> str:
    """A country's name as it goes after "lab" in a language, with its preposition in two."""
    codes, name = resolve_country(country), country_name(language, country)
    code = codes[0] if codes else ""
    if language == "fr":
        return _french(name, code)
    return _portuguese(name, code) if language == "pt" else name


def _portuguese(name: str, code: str) -> str:
    if not code or code in _PT_BARE:
        return f"de {name}"
    feminine = code in _PT_FEMININE or name.endswith(("a", "ã"))
    return f"{_PT_PLURAL.get(code, 'da' if feminine else 'do')} {name}"


def _french(name: str, code: str) -> str:
    if code == "HT":
        return f"d'{name}"
    if not code or code in _FR_BARE:
        return f"de {name}"
    if code in _FR_PLURAL or name.startswith("Îles"):
        return f"des {name}"
    if re.match(r"[AEIOUYÉÈÊÎ]", name) and name != "Yémen":
        return f"d'{name}"
    return f"de {name}" if name.endswith("e") and code not in _FR_MASCULINE else f"du {name}"


def in_running_text(value: str) -> str:
    """A tag's value as it is written inside an English sentence: "Design Thinking" in lower case.

    Values with capitals inside a word, as abbreviations have, stay as they are.
    """
    capitals = any(ch.isupper() for word in re.findall(r"\w+", value) for ch in word[1:])
    return value if capitals else value.lower()
