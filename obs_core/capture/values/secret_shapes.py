r"""The shapes of secrets inside texts: the one table that all redaction uses (docs/capture.md lists it).

Every pattern is linear in the length of the text: a name is read once (`(?<![\w.-])[\w.-]++`, without going back into
it), everything else that repeats is possessive or has a bound, and a search continues after the last match.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

REDACTED: Final = "[redacted]"
LONGEST_NAME: Final = 200  # characters; a longer text is data
_OPEN, _CLOSE = "([{", ")]}"
_QUOTES: Final = ("'", '"', "`")

_ANNOTATED: Final = r":\s{0,4}+(?:str|bytes|Final|SecretStr)\s{0,4}+=(?!=)"
_SEPARATOR: Final = rf"[\\\"'`\])]{{0,20}}+\s{{0,20}}+(?:{_ANNOTATED}|=>|:=|={{1,3}}|!=|:(?!//)|%3[AaDd])\s{{0,20}}+"
_NAMED: Final = re.compile(
    r"(?<![\w.-])(?:"
    # an option and its value, in a command line or a list of arguments: --password x, '--password', 'x'
    r"(?P<option>--?\w[\w.-]*+)(?P<gap>[\"']?,\s{0,20}+b?|\s{1,20}+)(?!-)"
    # a pair of texts: ('authorization', 'Bearer x'), (b'cookie', b'x')
    r"|(?<=[\"'])(?P<first>\w[\w.-]*+)(?P<comma>\\{0,15}+[\"']\s{0,20}+,\s{0,20}+)(?=b?\\{0,15}+[\"'])"
    # name=value, name: value, "name": value, ["name"] = value
    rf"|(?P<name>[\w.-]++)(?P<separator>{_SEPARATOR}))"
)
QUOTED: Final = re.compile(
    r"(?:[bBrRuUfF]{1,2})?(?P<quote>\\{0,15}(?:\"\"\"|'''|[\"'`]))"
    r"(?:(?!(?<!\\)(?P=quote)).|(?P=quote){2})*+(?P=quote)?+",
    re.DOTALL,
)
"""A quoted value, also with escaped quotes, as JSON inside JSON has them. Without an end it is the rest of the text."""

_NEXT: Final = r"[ \t,;&|]{1,4}+[\\\"'{(\[]{0,20}+[\w.-]{1,64}+[\\\"'\])]{0,20}+[ \t]{0,3}+(?:=|:(?!//)|%3[AaDd])"
_PLAIN: Final = re.compile(
    rf"(?:[^\s,;&|)\]}}\"'`\n%]++|(?!{_NEXT}|[)\]}}\"'`]{{1,20}}+(?:[\s,;.:)\]}}]|$)|%26)[^\n])*+"
)
"""An unquoted value: to the end of the line, or to what looks like the next name and value, or to a closing bracket."""

_LINE: Final = re.compile(r"[^\n]*+")
_ARGUMENT: Final = re.compile(r"[^\s\"']++")
_BRACKETS: Final = re.compile(r"\"(?:[^\"\\]|\\.)*+\"|'(?:[^'\\]|\\.)*+'|[\[\](){}]")
_WHOLE_LINE: Final = re.compile(r"authori[sz]ation|cookie", re.IGNORECASE)
"""Headers with values of several parts: cookies, `AWS4-HMAC-SHA256 Credential=…, Signature=…`."""

_PASSWORD: Final = re.compile(
    r"(?<=\w)://(?P<user>[^\s/:\"'<>]{0,256}+):(?!\d{1,5}(?:[/?#,\s]|$))(?P<rest>[^\s\"'<>]++)"
)
_TOKEN_USER: Final = re.compile(r"(?<=\w)://[^\s/:@\"'<>]{16,256}+@")
_BEARER: Final = re.compile(r"\b(?P<scheme>[Bb]earer\s{1,4}+)[\w.~+/=-]{8,}+")
_PRIVATE_KEY: Final = re.compile(
    r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)", re.DOTALL
)


class SecretShape(NamedTuple):
    """One shape of a secret in a text, for the documentation and the tests: {secret} is its place."""

    name: str
    example: str


SHAPES: Final = (
    SecretShape("name and value", "password={secret}, user=bob"),
    SecretShape("quoted value", '{{"password": "{secret}", "user": "bob"}}'),
    SecretShape("escaped quotes", '{{\\"password\\": \\"{secret}\\", \\"user\\": \\"bob\\"}}'),
    SecretShape("repr of bytes", "{{b'password': b'{secret}'}}"),
    SecretShape("header", "Authorization: Token {secret}"),
    SecretShape(
        "header of parts", "Authorization: AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=c, Signature={secret}"
    ),
    SecretShape("cookies", "Cookie: theme=dark; sid={secret}"),
    SecretShape("pair of texts", "[(b'host', b'x'), (b'authorization', b'{secret}')]"),
    SecretShape("option", "deploy --password {secret}"),
    SecretShape("option with =", "deploy --password={secret} --verbose"),
    SecretShape("list of arguments", "['deploy', '--password', '{secret}']"),
    SecretShape("address", "postgres://me:{secret}@host/db"),
    SecretShape("query", "https://host/?page=2&api_key={secret}&size=1"),
    SecretShape("encoded query", "https://host/?next=%2Fa%3Ftoken%3D{secret}%26page%3D2"),
    SecretShape("bearer token", "sent Bearer {secret} to host"),
    SecretShape("assignment in code", 'API_KEY: str = "{secret}"'),
)


def may_contain(text: str) -> bool:
    """Whether `text` may contain a secret of any shape: a fast check, because most texts contain none.

    One character is found much faster than two: 4,352 characters without any of these take 0.2 us, instead of 20.
    """
    return (
        ":" in text
        or "=" in text
        or ("-" in text and "--" in text)
        or ("," in text and ("'," in text or '",' in text))
        or (" " in text and "earer " in text)
        or ("%" in text and "%3" in text)
    )


def scrubbed(text: str, hides: Callable[[object], bool]) -> str:
    """`text` with the secrets after names that `hides` replaced by `[redacted]`."""
    pieces: list[str] = []
    last = 0
    for start, end in _secrets(text, hides):
        pieces += [text[last:start], REDACTED]
        last = end
    return "".join([*pieces, text[last:]]) if pieces else text


def scrubbed_anywhere(text: str) -> str:
    """`text` without secrets that need no name: passwords in addresses, bearer tokens, private keys."""
    if "://" in text and "@" in text:
        text = _TOKEN_USER.sub(f"://{REDACTED}@", _PASSWORD.sub(_without_password, text))
    if "earer " in text:
        text = _BEARER.sub(_without_token, text)
    if "PRIVATE KEY-----" in text:
        text = _PRIVATE_KEY.sub(REDACTED, text)
    return text


def _without_token(match: re.Match[str]) -> str:
    """A function, because `re` reads a template by Python code, which a program may trace."""
    return f"{match['scheme']}{REDACTED}"


def _without_password(match: re.Match[str]) -> str:
    secret, at, host = match["rest"].rpartition("@")
    return f"://{match['user']}:{REDACTED}@{host}" if at and secret else match[0]


def _secrets(text: str, hides: Callable[[object], bool]) -> Iterator[tuple[int, int]]:
    """The start and end of each secret after a name."""
    at = 0
    while (match := _NAMED.search(text, at)) is not None:
        name = match["option"] or match["first"] or match["name"]
        at = match.end()
        if hides(name):
            end = _value_end(text, match, name)
            if end > at:
                yield at, end
                at = end


def _value_end(text: str, match: re.Match[str], name: str) -> int:
    """Where the value ends that begins at the end of `match`."""
    start = match.end()
    if text.startswith(REDACTED, start):
        return start
    if (quoted := QUOTED.match(text, start)) is not None:
        return quoted.end()
    if match["gap"] is not None:
        argument = _ARGUMENT.match(text, start)
        return argument.end() if argument else start
    before = text[match.start() - 1 : match.start()]
    if before in _QUOTES and before not in match["separator"]:  # 'Authorization: Token x' is quoted as a whole
        stop = text.find(before, start)
        return len(text) if stop < 0 else stop
    if text[start : start + 1] in _OPEN and start < len(text):
        return _bracket_end(text, start)
    value = (_LINE if _WHOLE_LINE.search(name) else _PLAIN).match(text, start)
    return value.end() if value else start


def _bracket_end(text: str, start: int) -> int:
    """The end of the bracket that opens at `start`; of the text, if it does not close."""
    depth = 0
    for token in _BRACKETS.finditer(text, start):
        depth += 1 if token[0] in _OPEN else -1 if token[0] in _CLOSE else 0
        if depth == 0:
            return token.end()
    return len(text)
