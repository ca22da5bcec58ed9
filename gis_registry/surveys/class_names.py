"""Names of classes as people write them: which class of an edition one names."""

import re
import unicodedata
from collections.abc import Mapping
from difflib import SequenceMatcher
from functools import lru_cache

#: A name that is less alike than this to every class's names none of them. Names of two classes are
#: often more alike than that, so the most alike one counts, not the first that is alike enough.
LEAST_ALIKE = 0.6

_NOT_WORDS = re.compile(r"[\W_]+")

#: Chinese and English name by class code.
ClassNames = Mapping[str, tuple[str, str]]


def codes_named(written: str, names: ClassNames) -> frozenset[str]:
    """Return the codes of the classes that a name is most alike to; none if to no class's."""
    alike = {
        code: max(similarity(written, name_zh), similarity(written, name_en))
        for code, (name_zh, name_en) in names.items()
    }
    most = max(alike.values(), default=0.0)
    if most < LEAST_ALIKE:
        return frozenset()
    return frozenset(code for code, one in alike.items() if one == most)


@lru_cache(maxsize=500_000)
def similarity(one: str, other: str) -> float:
    """Return how alike two names are, from 0 to 1."""
    one, other = _plain(one), _plain(other)
    if one == other:
        return 1.0
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    if matcher.real_quick_ratio() < LEAST_ALIKE or matcher.quick_ratio() < LEAST_ALIKE:
        return 0.0
    return matcher.ratio()


@lru_cache(maxsize=50_000)
def _plain(name: str) -> str:
    """Return a name without case, width, punctuation and space."""
    return _NOT_WORDS.sub("", unicodedata.normalize("NFKC", name)).casefold()
