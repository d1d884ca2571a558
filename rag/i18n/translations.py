"""The product's own words in the reader's language, from the gettext catalogs in
`rag/i18n/locale`.

English is the language of the code: a message is written there as it reads. A module-level
constant is marked with `marked` and translated where it is shown. A language is added as one
file, `rag/i18n/locale/CODE.po`; `make words` writes the messages of the code into all of them.
"""

from __future__ import annotations

import gettext
from functools import lru_cache
from io import BytesIO
from pathlib import Path

from babel import Locale, numbers, units
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

Translations = gettext.NullTranslations
ENGLISH = Translations()
LOCALE = Path(__file__).with_name("locale")


def marked(message: str) -> str:
    """The same message, marked to be translated where it is shown."""
    return message


def plural(one: str, many: str) -> tuple[str, str]:
    """The two English forms of a message with a number, marked as `marked` does."""
    return one, many


def languages() -> tuple[str, ...]:
    """Codes of the languages that the product speaks, English first."""
    return ("en", *sorted(path.stem for path in LOCALE.glob("*.po")))


@lru_cache(maxsize=32)
def translations_for(language: str) -> Translations:
    """The words of a language ("fr", "fr-CA"), English where there is no catalog of it."""
    code = language.replace("_", "-").partition("-")[0].lower()
    if code not in languages() or code == "en":
        return ENGLISH
    with (LOCALE / f"{code}.po").open("rb") as file:
        catalog = read_po(file, locale=code, abort_invalid=True)
    compiled = BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def translations_accepted(accepted: str) -> Translations:
    """The first language that the product speaks of an Accept-Language header, else English.

    Browsers send it with every request, the preferred language first.
    """
    for one in accepted.split(","):
        code = one.partition(";")[0].strip().partition("-")[0].lower()
        if code in languages():
            return translations_for(code)
    return ENGLISH


def language_code(t: Translations) -> str:
    """The language's code of these words."""
    return t.info().get("language", "en")


def is_right_to_left(t: Translations) -> bool:
    """Whether the language of these words is written from right to left."""
    return Locale(language_code(t)).text_direction == "rtl"


def format_number(t: Translations, value: int) -> str:
    """A whole number as the language writes it: "1,204", "1 204"."""
    return numbers.format_decimal(value, locale=language_code(t))


def format_seconds(t: Translations, value: float) -> str:
    """Seconds with one decimal as the language writes them: "0.1 s", "0,1 s"."""
    code = language_code(t)
    said = units.format_unit(value, "duration-second", "short", format="0.0", locale=code)
    return said.replace("sec", "s")


def format_percent(t: Translations, share: float) -> str:
    """A share from 0 to 1 as the language writes whole percents: "93%", "93 %"."""
    return numbers.format_percent(share, locale=language_code(t))
