"""Text of others - file names, class names, tags - as a terminal may show it."""


def printable(text: object) -> str:
    """Spell out what a terminal would obey or no encoding takes.

    Args:
        text: Any text, such as a file name with bytes that are not UTF-8.

    Returns:
        The text; control characters, direction marks, surrogates and line ends are escapes.
    """
    return "".join(c if c.isprintable() else _spell(c) for c in str(text))


def printable_lines(text: str) -> str:
    """Do the same to a text of several lines; line feeds and tabs stay."""
    return "".join(c if c.isprintable() or c in "\n\t" else _spell(c) for c in text)


def _spell(character: str) -> str:
    byte = ord(character) - 0xDC00  # how Python holds a byte that is not UTF-8
    if 0x80 <= byte <= 0xFF:
        return f"\\x{byte:02x}"
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
