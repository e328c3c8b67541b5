"""The words of the pages are those of the glossary."""

import re
from pathlib import Path

from blemish.dashboard.terms import MEANINGS

GLOSSARY = Path(__file__).resolve().parents[3] / "docs" / "glossary.md"


def test_what_a_page_explains_is_what_the_glossary_says() -> None:
    """Each question mark gives the definition of the glossary, word by word."""
    text = GLOSSARY.read_text(encoding="utf-8").partition("```{glossary}\n")[2].partition("```")[0]
    defined = {}
    for entry in re.split(r"\n(?=\S)", text):
        term, _, definition = entry.partition("\n")
        defined[term] = " ".join(re.sub(r"[*`]", "", definition).split())
    assert {term: defined.get(term) for term in MEANINGS} == MEANINGS
