"""A client's own words: names and terms that the reading engine should expect on its papers (docs/configuration.md).

They make the engine likelier to read a word as one of these, never certain to: nothing is put right afterwards.
"""

from records.errors import ConfigurationError

MOST = 50_000  # words of one client
LONGEST = 40  # characters of a word; the engine's own limit is 100 bytes or so
_MARK = "\ufeff"  # which some editors write at the start of a file


def parse_client_words(data: bytes) -> tuple[str, ...]:
    """Return the words of a file, each once, in a fixed order: UTF-8 text, a word a line, empty lines let pass.

    Raises:
        ConfigurationError: the text is not UTF-8, a line is no single word of at most LONGEST characters, or there are
            more than MOST; the line is named by its number, never by what stands in it.
    """
    try:
        lines = data.decode("utf-8").removeprefix(_MARK).splitlines()
    except UnicodeDecodeError as error:
        raise ConfigurationError("the file of a client's words is not UTF-8 text") from error
    words: set[str] = set()
    for number, line in enumerate(lines, start=1):
        word = line.strip()
        if not word:
            continue
        if len(word) > LONGEST or not word.isprintable() or len(word.split()) > 1:
            raise ConfigurationError(f"line {number} of a client's words is no single word of {LONGEST} characters")
        words.add(word)
    if len(words) > MOST:
        raise ConfigurationError(f"a client has more than {MOST} words")
    return tuple(sorted(words))
