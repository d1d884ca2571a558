"""Sentences, words and languages of text in the five languages of the reports."""

from __future__ import annotations

from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

# Those of the reports, by their English names, in small letters also those of stemmers.
LANGUAGES = {"en": "English", "fr": "French", "es": "Spanish", "pt": "Portuguese", "ar": "Arabic"}


@cache
def _identifier() -> LanguageIdentifier:
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(list(LANGUAGES))
    return identifier


def language_of(text: str, default: str = "en", min_letters: int = 20) -> str:
    """The language of a text among the five, or `default` where it is too short to tell."""
    if sum(ch.isalpha() for ch in text[:200]) < min_letters:
        return default
    language, probability = _identifier().classify(text[:600])
    return str(language) if probability >= 0.7 else default


def language_chances(text: str) -> dict[str, float]:
    """How probable each of the five languages is by the letters of a text, 0 to 1."""
    return {str(code): float(chance) for code, chance in _identifier().rank(text[:600])}
