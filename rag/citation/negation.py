"""Whether a sentence denies what its sources don't, or states what they deny; by rules.

A denial denies what stands beside it, so clauses are compared, not sentences: a clause that denies
is held against the sentences that share most of its words. If none of them denies anything or
tells of an absence, or if they speak of the denied word only in clauses that don't, nothing
supports the denial. A clause without denial is held against the clause that shares most of its
words: it must not deny one of them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from rag.text.sentences import sentences
from rag.text.tokenize import share, strip_accents, terms, words
from rag.types import Notice

# How many sentences, the nearest, a clause that denies is compared with.
_NEAREST = 3
# The least share of its words by which a clause that denies nothing is compared with another.
_SAME_CLAUSE = 0.5
# The fewest content words of a clause that is compared.
_LEAST_TERMS = 3
_DENIALS = {
    "en": "not no never without none nobody nor neither cannot nothing hardly",
    "fr": "ne n pas jamais aucun aucune sans ni non rien",
    "es": "no nunca sin ningun ninguna nadie ni tampoco nada",
    "pt": "nao nunca sem nenhum nenhuma ninguem nem nada",
    "ar": "لا لم لن ليس ليست غير بدون دون",
}
# Words that a denial may be made of in other words: "they lack a scale", "they have no scale".
_ABSENCES = {
    "en": "lack lacks lacked lacking unable fail fails failed failing refuse refuses refused "
    "missing absent absence insufficient excluding except impossible wrongly",
    "fr": "manque manquent absence refuse echec echoue impossible insuffisant insuffisante sauf",
    "es": "falta faltan faltaba carece carecen ausencia imposible insuficiente excepto fracaso",
    "pt": "falta faltam faltava carece carecem ausencia impossivel insuficiente exceto fracasso",
    "ar": "عدم نقص قلة",
}
_CLAUSE_END = re.compile(
    r"[,;:()—–.!?؟،؛]|\s-\s|\b(?:but|because|although|though|while|whereas|however|mais|car|pero"
    r"|aunque|porque|mas|embora|لكن|لأن)\b"
)
# "Not only" denies nothing.
_NOT_ONLY = re.compile(
    r"\bnot (?:only|just)\b|\b(?:no|nao) (?:so|solo|solamente|apenas)\b|\b(?:pas|non) seulement\b"
)
_SHORT_NOT = re.compile(r"n['’]t$")


@dataclass(frozen=True, slots=True)
class _Clause:
    """A clause's content words, what it denies by itself, and whether it tells of an absence."""

    terms: tuple[str, ...]
    denied: tuple[str, ...]
    denies: bool
    absence: bool


def contradiction(
    sentence: str, language: str, sources: Sequence[tuple[str, str]]
) -> Notice | None:
    """Why a sentence and its sources can't both be right.

    Args:
        sentence: what is said.
        language: that of the sentence.
        sources: texts with their languages, of which those in the sentence's language count.
    """
    passages = [s for text, own in sources if own == language for s in _read(text, language)]
    clauses = _clauses(sentence, language)
    all_terms = [term for clause in clauses for term in clause.terms]
    for clause in clauses if passages else ():
        if clause.denies and _denied_alone(clause, all_terms, passages):
            return Notice("denies_alone")
        if not clause.denies and not clause.absence and _stated_alone(clause, passages):
            return Notice("states_what_is_denied")
    return None


def denies_otherwise(sentence: str, other: str, language: str) -> bool:
    """Whether of the words of two sentences one denies what the other doesn't, or denies it twice.

    Of use where both have nearly the same words. There, too, it is the words denied that count:
    whether there is a denial at all misses a second one, their number one put in another place.
    """
    ours, theirs = _clauses(sentence, language), _clauses(other, language)
    our_denials = Counter(term for clause in ours for term in clause.denied)
    their_denials = Counter(term for clause in theirs for term in clause.denied)
    both = {t for c in ours for t in c.terms} & {t for c in theirs for t in c.terms}
    return any(our_denials[term] != their_denials[term] for term in both)


@lru_cache(maxsize=256)
def _read(text: str, language: str) -> list[list[_Clause]]:
    """The clauses of each sentence of a passage, which many sentences are held against."""
    return [_clauses(text[start:end], language) for start, end in sentences(text)]


def _denied_alone(
    clause: _Clause, all_terms: Collection[str], passages: Sequence[Sequence[_Clause]]
) -> bool:
    near = sorted(passages, key=lambda s: -_nearness(clause, all_terms, s))[:_NEAREST]
    others = [other for sentence in near for other in sentence]
    if not any(other.denies or other.absence for other in others):
        return True
    sharing = [other for other in others if any(term in other.terms for term in clause.denied)]
    return bool(sharing) and not any(other.denies or other.absence for other in sharing)


def _nearness(clause: _Clause, all_terms: Collection[str], sentence: Sequence[_Clause]) -> float:
    have = {term for other in sentence for term in other.terms}
    return share(clause.terms, have) + 0.5 * share(all_terms, have)


def _stated_alone(clause: _Clause, passages: Sequence[Sequence[_Clause]]) -> bool:
    if len(set(clause.terms)) < _LEAST_TERMS:
        return False
    best = max(
        (other for sentence in passages for other in sentence),
        key=lambda other: share(clause.terms, set(other.terms)),
    )
    same = share(clause.terms, set(best.terms)) >= _SAME_CLAUSE
    return same and any(term in clause.terms for term in best.denied)


def _clauses(sentence: str, language: str) -> list[_Clause]:
    plain = _NOT_ONLY.sub(" ", strip_accents(sentence))
    return [_clause(part, language) for part in _CLAUSE_END.split(plain) if part]


def _clause(text: str, language: str) -> _Clause:
    found = words(text)
    return _Clause(
        terms=tuple(terms(text, language)),
        denied=tuple(_denied(found, language)),
        denies=any(_is_denial(word, language) for word in found),
        absence=not set(found).isdisjoint(_listed(_ABSENCES, language)),
    )


def _denied(found: Sequence[str], language: str) -> Iterator[str]:
    """The content word after each denial, or, where there is none, the one before it."""
    content = [(n, term) for n, word in enumerate(found) for term in terms(word, language)[:1]]
    for n, word in enumerate(found):
        if _is_denial(word, language):
            after = [term for at, term in content if at > n]
            before = [term for at, term in content if at < n]
            yield from (after[:1] or before[-1:])


def _is_denial(word: str, language: str) -> bool:
    if language == "fr" and word.startswith(("n'", "n’")):
        return True
    return word in _listed(_DENIALS, language) or bool(_SHORT_NOT.search(word))


def _listed(lists: Mapping[str, str], language: str) -> frozenset[str]:
    return _word_set(lists.get(language, lists["en"]))


@cache
def _word_set(listed: str) -> frozenset[str]:
    return frozenset(listed.split())
