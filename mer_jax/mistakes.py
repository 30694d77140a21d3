"""What a user did wrong, said in one line. The command line prints it and exits with 2; nothing else catches it."""

import difflib
from collections.abc import Iterable


class UserMistake(Exception):
    """A mistake of the user's: the message says where, what was found, and what was wanted, in one line."""

    def __init__(self, message: str):
        super().__init__(" ".join(message.split()))


def initials(name: str) -> str:
    """The first letters of a name's words: "loso" of "leave_one_subject_out"; empty for a single word."""
    words = [word for word in name.lower().split("_") if word]
    return "".join(word[0] for word in words) if len(words) > 1 else ""


def nearest(word: str, known: Iterable[str]) -> str:
    """`" (did you mean 'loso'?)"` for the nearest known word, or an empty string where none is near.

    Upper and lower case are the same here, and the initials of a known word stand for it. Nothing is near an empty word.
    """
    if not word.strip():
        return ""
    by_lower = {name.lower(): name for name in known}
    exact = [name for lower, name in by_lower.items() if word.lower() in (lower, initials(name))]
    near = exact or [by_lower[lower] for lower in difflib.get_close_matches(word.lower(), by_lower, n=1)]
    return f" (did you mean {near[0]!r}?)" if near else ""
