"""Which of the five languages of the reports a text is in."""

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

# Code -> English name, which in small letters is also the name of the language's stemmer.
LANGUAGES = {"en": "English", "fr": "French", "es": "Spanish", "pt": "Portuguese", "ar": "Arabic"}
_ARABIC = re.compile("[\u0621-\u064a]")


@cache
def _identifier() -> "LanguageIdentifier":
    # Loading it takes time, and numpy.
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(list(LANGUAGES))
    # What it knows of all the other languages takes 27 MB.
    identifier._full_model = None
    return identifier


def language_of(text: str, default: str = "en", min_letters: int = 20) -> str:
    """The language of a text among the five, or `default` if it is too short to tell.

    Its script tells Arabic. Its first 600 characters are classified; a probability under 0.7 counts
    as unsure.
    """
    letters = sum(ch.isalpha() for ch in text[:200])
    if 2 * len(_ARABIC.findall(text[:200])) > letters:
        return "ar"
    if letters < min_letters:
        return default
    language, probability = _identifier().classify(text[:600])
    return str(language) if probability >= 0.7 else default
