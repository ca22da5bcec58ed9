"""Where a page ended, as a token that only we can make: opaque, signed, and of one question.

A token names the last key of a page. It is signed together with what was asked, so that one that
was changed, or that is sent with another question, is refused rather than answered wrongly.
"""

from collections.abc import Sequence

from itsdangerous import BadData, URLSafeSerializer

from gis_registry.errors import InvalidInput


def token_of(key: Sequence[str], *, asked: str, secret: bytes) -> str:
    """Return the token of a page that ended with a key.

    Args:
        key: the key of the last feature, as text.
        asked: the collection and everything of the question but how many are wanted.
        secret: ours.
    """
    return str(URLSafeSerializer(secret, salt=asked.encode()).dumps(list(key)))


def key_of(token: str, *, asked: str, secret: bytes) -> tuple[str, ...]:
    """Return the key in a token.

    Raises:
        InvalidInput: we did not make it, or not for this question.
    """
    try:
        return tuple(URLSafeSerializer(secret, salt=asked.encode()).loads(token))
    except BadData as error:
        raise InvalidInput(
            "`token` is not of this question: follow the link `next` of a page as it stands, or "
            "begin again without a token."
        ) from error
