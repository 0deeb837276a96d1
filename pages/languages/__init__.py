"""The languages of the pages: English, and one more for each catalogue (`de.po`) in this folder.

A page says its texts by `_("…")` or, where they stand fixed on it, just in English: `shown.said_in`
does the rest. Its scripts say fairWords`…`. docs/languages.md tells how to add a language.
"""

from pages.languages.speaking import (
    LANGUAGES,
    Languages,
    _,
    counted,
    plural,
    said_of,
    speaking,
    spoken,
)

__all__ = ["LANGUAGES", "Languages", "_", "counted", "plural", "said_of", "speaking", "spoken"]
