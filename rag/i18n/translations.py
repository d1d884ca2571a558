"""The product's own words in the reader's language, from gettext files in `rag/i18n/locale`.

Messages are written in English in the code or, where they are many, in `words.toml`. A constant is
marked with `marked` and translated where it is shown. To add a language, add a file
`rag/i18n/locale/CODE.po`, run `make words`, which writes the messages of the code into all files,
and translate them.
"""

import gettext
import re
import tomllib
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

from babel import Locale, numbers, units
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

Translations = gettext.NullTranslations
ENGLISH = Translations()
LOCALE = Path(__file__).with_name("locale")
# Table -> the code's name for something -> what readers see, in English.
WORDS: dict[str, dict[str, Any]] = tomllib.loads(LOCALE.with_name("words.toml").read_text("utf-8"))


def marked(message: str) -> str:
    """The message itself; `make words` collects it, and it is translated where it is shown."""
    return message


def languages() -> tuple[str, ...]:
    """Codes of the languages that the product is translated to, English first."""
    return ("en", *sorted(path.stem for path in LOCALE.glob("*.po")))


@lru_cache(maxsize=32)
def translations_for(language: str) -> Translations:
    """The translations of a language ("fr", "fr-CA"); English if there are none."""
    code = language.replace("_", "-").partition("-")[0].lower()
    if code not in languages() or code == "en":
        return ENGLISH
    compiled = BytesIO()
    with (LOCALE / f"{code}.po").open("rb") as file:
        write_mo(compiled, read_po(file, locale=code, abort_invalid=True))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def translations_accepted(header: str) -> Translations:
    """The translations of the first known language of an Accept-Language header, else English."""
    codes = [re.split("[;-]", choice)[0].strip().lower() for choice in header.split(",")]
    return translations_for(next((code for code in codes if code in languages()), "en"))


def language_code(t: Translations) -> str:
    """The code of the language of these translations."""
    return t.info().get("language", "en")


def is_right_to_left(t: Translations) -> bool:
    """Whether their language is written from right to left."""
    return Locale(language_code(t)).text_direction == "rtl"


def format_number(t: Translations, value: int) -> str:
    """A whole number as the language writes it: "1,204", "1 204"."""
    return numbers.format_decimal(value, locale=language_code(t))


def format_seconds(t: Translations, value: float) -> str:
    """Seconds with one decimal as the language writes them: "0.1 s", "0,1 s"."""
    code = language_code(t)
    text = units.format_unit(value, "duration-second", "short", format="0.0", locale=code)
    return text.replace("sec", "s")


def format_percent(t: Translations, share: float) -> str:
    """A share from 0 to 1 as the language writes whole percents: "93%", "93 %"."""
    return numbers.format_percent(share, locale=language_code(t))


def format_share(t: Translations, share: float) -> str:
    """A share in whole percents, below one as "<1%"."""
    return format_percent(t, share) if not 0 < share < 0.005 else f"<{format_percent(t, 0.01)}"
