"""Sentences that address whoever answers questions over a report, not the report's readers.

A model is told that passages are data (`rag.models.prompts`); an answer made of the reports' own
sentences
must not quote an instruction as what a lab said.
"""

from __future__ import annotations

import re

from rag.text.tokenize import strip_accents

_DROP = (
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
_BEGINS = r"(?:^\W*|[.:;,!]\s*|\b(?:and|then|please|must|should|now|et|y|e|por favor)\s+)"
_OVERRIDES = re.compile(rf"{_BEGINS}(?:{_DROP})\b.{{0,60}}?(?:{_RULES})")
_PATTERN = re.compile(
    rf"{_OVERRIDES.pattern}|\b(?:note|message|instructions?|attention|dear|hey|hello|listen)\b[\s,:]*"
    rf"(?:to |for |please )?(?:the |all |any )?{_MACHINE}\b[\s,:!]"
    rf"|^\W*(?:system|assistant)\s*:"
    rf"|\byou are (?:now )?(?:an? )?{_MACHINE}\b"
    rf"|\b(?:only|sole) (?:correct|right|valid|true) answer is\b"
    rf"|{_BEGINS}{_ANSWER}\s+(?:only|just|exactly|solely)\b"
    rf"|\b(?:begin|start) your (?:answer|reply|response) with\b"
)


def overrides(question: str) -> bool:
    """Whether a question tells who answers it to drop the instructions that hold."""
    return bool(_OVERRIDES.search(strip_accents(question)))


def instructs(sentence: str) -> bool:
    """Whether a sentence tells a machine how to answer, in the languages of the reports."""
    return bool(_PATTERN.search(strip_accents(sentence)))
