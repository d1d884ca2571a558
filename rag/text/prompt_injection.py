"""Finds text that gives instructions to the machine that answers, not to the reports' readers.

Extractive answers must not quote such an instruction as what a lab said.
"""

import re

from rag.text.tokenize import strip_accents

_IGNORE = (
    r"ignor(?:e|ez|a|ar|en|em)|disregard|forget|override|bypass|oublie[sz]?|olvid(?:a|e|en|ar)"
    r"|desconsider[ea]|esque[cç]a|ne ten(?:ez|ons) pas compte|no tengas? en cuenta|تجاهل|انس"
)
_RULES = (
    r"instructions?|prompts?|system messages?|(?:the |these |your )?rules\b|guidelines above"
    r"|consignes?|regles|instru(?:cciones|coes)|reglas|regras|التعليمات|القواعد"
    r"|(?:the )?(?:other|previous|above|preceding) passages|autres passages|otros pasajes"
    r"|(?:the )?above\b|(?:everything|all|anything|what is) (?:written )?(?:above|before)"
)
_MACHINE = r"(?:ai|assistant|language model|llm|chat ?bot|model|ia|asistente|assistente)"
_ANSWER = (
    r"(?:answer|reply|respond|output|write|say|print|begin your answer|start your answer"
    r"|repond(?:s|ez)|responde?|conteste?|escrib[ae]|ecri(?:s|vez)|escreva|أجب|اكتب)"
)
_START = r"(?:^\W*|[.:;,!]\s*|\b(?:and|then|please|must|should|now|et|y|e|por favor)\s+)"
_OVERRIDES = re.compile(rf"{_START}(?:{_IGNORE})\b.{{0,60}}?(?:{_RULES})")
_INSTRUCTS = re.compile(
    rf"{_OVERRIDES.pattern}|\b(?:note|message|instructions?|attention|dear|hey|hello|listen)\b[\s,:]*"
    rf"(?:to |for |please )?(?:the |all |any )?{_MACHINE}\b[\s,:!]"
    rf"|^\W*(?:system|assistant)\s*:"
    rf"|\byou are (?:now )?(?:an? )?{_MACHINE}\b"
    rf"|\b(?:only|sole) (?:correct|right|valid|true) answer is\b"
    rf"|{_START}{_ANSWER}\s+(?:only|just|exactly|solely)\b"
    rf"|\b(?:begin|start) your (?:answer|reply|response) with\b"
)


def overrides(question: str) -> bool:
    """Whether a question tells the machine to ignore its instructions."""
    return bool(_OVERRIDES.search(strip_accents(question)))


def instructs(sentence: str) -> bool:
    """Whether a sentence tells the machine how to answer."""
    return bool(_INSTRUCTS.search(strip_accents(sentence)))
