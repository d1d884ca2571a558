"""Says a form question, which speaks to a lab, as a question about the lab; in English."""

from __future__ import annotations

import re

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
