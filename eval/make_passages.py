"""Finds in a collection what questions for one report can be drafted from.

A passage counts where its lab, year and language are known and one of its sentences can serve as
evidence; its topic is a pair of words that it repeats and that few labs have.
"""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from eval.matching import fold
from rag.query.entities import countries_in
from rag.text.contacts import mask_contacts
from rag.text.language import LANGUAGES
from rag.text.sentences import sentences
from rag.text.tokenize import stop_words, strip_accents
from rag.types import FACTS, Passage, Progress

# Words of a sentence that can be evidence: 34,797 in 2,189 reports; from 4 on 36,030, from 16 on
# 27,128, up to 91 36,828, but these say several things. Read by eye, 4 of 20 with up to 7 words
# say something by themselves, 12 of 20 with 8 to 15, and 17 of 20 with 16 to 45.
EVIDENCE = range(8, 46)
# Words of a passage that has something to say. Of 1,600 passages by lot 529 give a question by the
# form and 134 one by a topic; with 12 words as the least 463 and 114, with 50 530 and 226, but of
# 8,014 passages instead of 12,514. Of 20 with 12 to 24 words 19 answer their form question too.
LEAST_WORDS = 25
# How many labs may have a pair of words that tells what a passage is about. Of 6,400 passages 635
# have such a pair, 461 where only one lab may have it, 718 where six may. Of 20 read
# 13 tell it, of 20 of those that come with six 10.
MOST_LABS = 3
LONGEST_TITLE = 90
# So many passages are looked at for each case that is wanted, and at least so many.
POOL, LEAST_POOL = 16, 500
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
# Words that begin sentences about anything, and that forms and labs say of themselves.
_EMPTY_WORDS = (
    "also will would could should must many much more most other some such well within without "
    "around help helps make makes made work works need needs use uses used using based order "
    "give gives take takes able good better best great large small high like through towards "
    "among across during while action learning plan challenge accelerator undp pnud project report "
    "year years month months first second third next last new different number numbers local "
    "national country countries people person thing things part parts example various several "
    "main important possible very just even still only every plus dont cest aussi afin mise "
    "dans cette cettes leurs notre nous avec pour entre chaque tous toutes cada mediante sobre "
    "desde hasta para como este esta estos estas nuestro nuestra tambien puede pueden mais "
    "ainda pelo pela isso nosso nossa pode podem fazer hacer faire laboratoire laboratorio "
    "projet proyecto projeto defi desafio contre comme ainsi sont etre pouvons"
)
_EMPTY = frozenset(_EMPTY_WORDS.split())
# How verbs and adverbs end in each language: no topic has one.
_VERBAL = {
    "en": ("ing", "ed", "ly", "ize", "ise"),
    "fr": ("er", "ir", "ons", "ont", "ez", "es", "ant", "ment"),
    "es": ("ar", "er", "ir", "ando", "iendo", "aron", "mente"),
    "pt": ("ar", "er", "ir", "ando", "endo", "aram", "mente"),
}


@dataclass(frozen=True, slots=True)
class Source:
    """A passage to draft from: its evidence, the form question, or what it is about.

    `asked` is the form question without its label, `topic` two words of the passage; one may be "".
    `same` are other reports that say the evidence word for word.
    """

    passage: Passage
    quote: str
    asked: str = ""
    topic: str = ""
    same: tuple[str, ...] = ()

    @property
    def lab(self) -> str:
        """The lab's country."""
        return self.passage.report.countries[0]


@dataclass(frozen=True)
class Pool:
    """What questions can be drafted from, and which labs and passages have a topic."""

    by_title: list[Source] = field(default_factory=list)
    by_topic: list[Source] = field(default_factory=list)
    labs_of: Mapping[str, set[str]] = field(default_factory=dict)


def make_pool(
    passages: Sequence[Passage],
    wanted: int,
    languages: Sequence[str],
    rng: random.Random,
    progress: Progress = lambda *_: None,
) -> Pool:
    """A seeded choice of passages to draft about `wanted` questions from."""
    usable = [p for p in passages if _is_usable(p) and p.language in languages]
    usable = _spread(usable, max(LEAST_POOL, POOL * wanted), rng)
    reports = {p.report.id for p in usable}
    of_report: dict[str, list[Passage]] = defaultdict(list)
    for passage in passages:
        if passage.report.id in reports:
            of_report[passage.report.id].append(passage)
    repeated = {i: _repeated(parts) for i, parts in of_report.items()}
    candidates = {pair for pairs in repeated.values() for pair in pairs}
    labs_of: dict[str, set[str]] = defaultdict(set)
    for n, passage in enumerate(passages, start=1):
        progress("looking for topics", n, len(passages))
        for pair in candidates.intersection(_pairs(passage.text, passage.language)):
            labs_of[pair].update(passage.report.countries)
    families = _families(passages)
    found = Pool(labs_of=labs_of)
    for passage in usable:
        mates = of_report[passage.report.id]
        _add(found, passage, mates, repeated[passage.report.id], families)
    return found


def shown_title(passage: Passage) -> str:
    """The title of a passage's report as a question can name it; "" for a fragment of one."""
    title = " ".join(passage.report.title.split()).rstrip("…:. ").strip("\"'“”«» ")
    if len(re.findall(r"[^\W\d_]{3,}", title)) < 2:
        return ""
    if len(title) > LONGEST_TITLE:
        return title[:LONGEST_TITLE].rsplit(" ", 1)[0].rstrip(" ,;:-–") + "…"
    return title


def speaks_of(text: str, topic: str) -> bool:
    """Whether a text has any of the words of a topic, in this form or a longer one."""
    folded = strip_accents(text)
    return any(stem in folded for stem in (word[: max(4, len(word) - 2)] for word in topic.split()))


def _add(
    pool: Pool,
    passage: Passage,
    mates: Sequence[Passage],
    repeated: Counter[str],
    families: Mapping[str, set[str]],
) -> None:
    quotes = list(_quotes(passage.text))
    if not quotes:
        return
    own = passage.report.id
    same = tuple(sorted(families.get(passage.family, set()) - {own}))
    alone = sum(mate.prompt == passage.prompt for mate in mates) == 1
    asked = question_in(passage.prompt) if alone and passage.parts == 1 else ""
    if asked and shown_title(passage):
        pool.by_title.append(Source(passage, quotes[0], asked=asked, same=same))
    here = Counter(_pairs(passage.text, passage.language))
    telling = [
        pair
        for pair in here
        if repeated[pair]
        and len(pool.labs_of[pair]) <= MOST_LABS
        # Elsewhere the report may say it better: it has to be repeated here, and mostly here.
        and here[pair] > 1
        and 2 * here[pair] > repeated[pair]
    ]
    for pair in sorted(telling, key=lambda pair: (-here[pair], pair)):
        quote = next((q for q in quotes if pair in _pairs(q, passage.language)), "")
        topic = _as_written(_whole(pair, here), passage.text)
        # A country's name tells where, not what.
        if quote and topic and not countries_in(topic):
            pool.by_topic.append(Source(passage, quote, topic=topic, same=same))
            return


def _is_usable(passage: Passage) -> bool:
    info = passage.report
    return (
        passage.stage != "admin"
        and FACTS not in (passage.section, passage.prompt)
        and passage.language in LANGUAGES
        and len(info.countries) == 1
        and bool(info.iso)
        and info.year is not None
        and len(passage.text.split()) >= LEAST_WORDS
    )


def _spread(passages: Sequence[Passage], most: int, rng: random.Random) -> list[Passage]:
    """At most so many passages, each language with a share, then by lot."""
    order = list(passages)
    rng.shuffle(order)
    by_language: dict[str, list[Passage]] = defaultdict(list)
    for passage in order:
        by_language[passage.language].append(passage)
    share = most // max(1, len(by_language))
    chosen = [p for parts in by_language.values() for p in parts[:share]]
    rest = [p for parts in by_language.values() for p in parts[share:]]
    return chosen + rest[: most - len(chosen)]


def _quotes(text: str) -> Iterator[str]:
    """The sentences that can be evidence: whole ones, with no contact in them."""
    for start, end in sentences(text):
        said = text[start:end]
        whole = said[:1].isalpha() and said.rstrip("\"'”»)").endswith((".", "!", "؟", "。"))
        fit = whole and len(said.split()) in EVIDENCE and "http" not in said
        if fit and mask_contacts(said) == said:
            yield said


def _repeated(passages: Iterable[Passage]) -> Counter[str]:
    """The pairs of words that a report has at least twice."""
    counts: Counter[str] = Counter()
    for passage in passages:
        counts.update(_pairs(passage.text, passage.language))
    return Counter({pair: n for pair, n in counts.items() if n > 1})


def _pairs(text: str, language: str) -> list[str]:
    """Each two words that follow each other and say something, in lower case."""
    stop = stop_words(language)
    found = []
    for first, second in pairwise(_WORD.finditer(text)):
        if text[first.end() : second.start()] != " ":
            continue
        words = [strip_accents(first.group()), strip_accents(second.group())]
        if all(_tells(word, language) and word not in stop for word in words):
            found.append(" ".join(words))
    return found


def _tells(word: str, language: str) -> bool:
    verbal = word.endswith(_VERBAL.get(language, ()))
    return len(word) > 3 and word.isalpha() and word not in _EMPTY and not verbal


def _whole(pair: str, pairs: Counter[str]) -> str:
    """The pair with the word that always goes before or after it: "circular economy programme"."""
    first, last = pair.split()
    before = [p for p in pairs if p.endswith(f" {first}") and pairs[p] == pairs[pair]]
    if before:
        return f"{before[0].split()[0]} {pair}"
    after = [p for p in pairs if p.startswith(f"{last} ") and pairs[p] == pairs[pair]]
    return f"{pair} {after[0].split()[1]}" if after else pair


def _as_written(topic: str, text: str) -> str:
    """The topic with its accents and capitals, as the text has it: in small letters if it can."""
    count = len(topic.split())
    spans = [match.span() for match in _WORD.finditer(text)]
    forms: Counter[str] = Counter()
    for (start, _), (_, end) in zip(spans, spans[count - 1 :], strict=False):
        if strip_accents(text[start:end]) == topic:
            forms[text[start:end]] += 1
    return max(forms, key=lambda form: (form.islower(), forms[form]), default="")


def _families(passages: Iterable[Passage]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for passage in passages:
        if passage.family:
            found[passage.family].add(passage.report.id)
    return found


def also_say(quote: str, lab: str, passages: Iterable[Passage], but: str) -> tuple[str, ...]:
    """The other reports of a lab that have these words too."""
    wanted = fold(quote)
    return tuple(
        sorted(
            {
                p.report.id
                for p in passages
                if lab in p.report.countries and p.report.id != but and wanted in fold(p.text)
            }
        )
    )


# Says a form question, which speaks to a lab, as a question about the lab; in English.


LONGEST = 180
_LABEL = re.compile(r"^[^:?.]{3,70}:\s+(?=\w)")
_ASIDE = re.compile(r"\s*\([^()]*\)")
# Not those for a yes or no: the sentence that says so is seldom the telling one.
_QUESTION = re.compile(
    r"^\W*(?:what|which|who|whom|whose|where|when|why|how)\b[^?]*\?", re.IGNORECASE
)
_LEAD = re.compile(
    r"^(?:if applicable|relating to [^,]*|if any|if yes|if so|finally|bonus question)[,:]\s*",
    re.IGNORECASE,
)
# Words that point at other parts of the form.
_POINTS = re.compile(r"\b(?:these|those|above|below|following)\b", re.IGNORECASE)
# What is said to one, said of one; the longer first.
_AGREED = {
    "did you": "did {}",
    "are you": "is {}",
    "do you": "does {}",
    "have you": "has {}",
    "were you": "was {}",
    "you are": "{} is",
    "you have": "{} has",
    "you were": "{} was",
    "you do": "{} does",
    "you need": "{} needs",
    "you want": "{} wants",
    "you know": "{} knows",
    "you think": "{} thinks",
}
_YOU = re.compile(
    rf"\b(?:(?P<verb>{'|'.join(_AGREED)})|(?P<own>your lab's|your)|(?P<one>yourselves|you))\b",
    re.IGNORECASE,
)
_LAB = re.compile(r"\byour (?:accelerator )?lab\b(?!')", re.IGNORECASE)


def question_in(prompt: str) -> str:
    """The first question of a form text without label and asides; "" where it has none."""
    text = _ASIDE.sub("", " ".join(prompt.split()))
    for _ in range(2):
        text = _LEAD.sub("", _LABEL.sub("", text))
    # "What is it? Who says so?" is two: the first stands for the whole.
    found = _QUESTION.match(text)
    asked = found.group().strip(" *_-") if found else ""
    return asked if 10 <= len(asked) <= LONGEST and not _POINTS.search(asked) else ""


def of_the_lab(asked: str) -> str:
    """An English question to a lab as one about the lab, its first letter small."""
    text = _LAB.sub("you", asked)
    named = False

    def said(match: re.Match[str]) -> str:
        nonlocal named
        who, own = ("it", "its") if named else ("the lab", "the lab's")
        named = True
        if match["verb"]:
            return _AGREED[match["verb"].lower()].format(who)
        return own if match["own"] else who

    text = _YOU.sub(said, text)
    return text[:1].lower() + text[1:]
