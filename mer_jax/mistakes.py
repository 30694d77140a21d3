"""What a user did wrong, said in one line. The command line prints it and exits with 2; nothing else catches it."""

import difflib
from collections.abc import Iterable


class UserMistake(Exception):
    """A mistake of the user's: the message says where, what was found, and what was wanted, in one line."""

    def __init__(self, message: str):
        super().__init__(" ".join(message.split()))


def nearest(word: str, known: Iterable[str]) -> str:
    """`" (did you mean 'loso'?)"` for the nearest known word, or an empty string where none is near."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""
