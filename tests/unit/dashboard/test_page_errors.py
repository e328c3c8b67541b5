"""Texts of others on a page."""

from html import escape

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from blemish.dashboard.page_errors import plain

MARKDOWN = MarkdownIt("commonmark").enable(["strikethrough", "table"])


def letters(markdown: str) -> str:
    return str(MARKDOWN.renderInline(markdown)).replace("\u2060", "")


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"])))
def test_any_text_reads_as_itself(text: str) -> None:
    """Whatever a name holds, Markdown shows its letters and makes no link, image or tag of it."""
    expected = escape(text, quote=False).replace('"', "&quot;")
    assert letters(plain(text)).split() == expected.split()


def test_markup_of_every_kind_is_inert() -> None:
    """Script, links, images, autolinks, colours and maths come out as the letters they are."""
    hostile = "<script>alert(1)</script> [a](javascript:1) ![b](http://x) **c** :red[d] $e$ www.x.y"
    shown = letters(plain(hostile))
    assert "<" not in shown
    assert shown == escape(hostile, quote=False)
