"""What came from outside is shown, not obeyed, and can be told from what looks like it."""

from __future__ import annotations

import json
import sys
import unicodedata
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.escapes import inert, json_escaped, plain, unescaped

ACTIVE: Final = ("Cc", "Cf", "Cs", "Zl", "Zp")
EVERY: Final = [chr(code) for code in range(sys.maxunicode + 1)]


def is_one_spelling(text: str) -> bool:
    """Tell whether no two half surrogates stand for a character, as they do in JSON."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass") == text


texts = st.text(
    st.one_of(
        st.characters(),
        st.characters(categories=ACTIVE),
        st.sampled_from("\\nrtxuU0123456789abcdef'\" \n\r\t\x1b"),
    )
).filter(is_one_spelling)


def test_controls_formats_separators_and_half_surrogates_are_escaped() -> None:
    active = [each for each in EVERY if unicodedata.category(each) in ACTIVE]
    assert [each for each in active if each in inert(f"a{each}b")] == []


def test_what_only_looks_like_a_space_or_like_nothing_is_escaped() -> None:
    spaces = [each for each in EVERY if unicodedata.category(each) == "Zs"]
    assert [each for each in spaces if inert(each) == each] == [" ", "\u3000"]
    for unseen in "\u034f\u115f\u1160\u17b4\u3164\uffa0\ufe00\U000e0100":
        assert inert(unseen) != unseen


@pytest.mark.parametrize(
    "text",
    [
        *("Zoë", "Zoe\u0308", "Łódź", "Ελένη", "Анна", "שלום", "مرحبا", "नमस्ते"),
        *("東京　駅", "김철수", "🙂", "❤️", "👍🏽", "🇫🇮", "a b-c_d;'\"#%"),
    ],
)
def test_harmless_text_stays_as_it_is(text: str) -> None:
    assert inert(text) == plain(text) == text


def test_letters_marks_numbers_and_signs_stay_as_they_are_on_every_python() -> None:
    unseen = "\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0"
    for each in EVERY:
        if unicodedata.category(each)[0] in "LNPS" and each not in unseen:
            assert inert(each) == each


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb\rc\td", r"a\nb\rc\td"),
        ("\x1b[2J", r"\x1b[2J"),
        ("\x00\x7f\x9b", r"\x00\x7f\x9b"),
        ("\u202eevil\u2028", r"\u202eevil\u2028"),
        ("\U000e0041", r"\U000e0041"),
        ("\udcff", r"\udcff"),
        (r"\x1b", r"\\x1b"),
        ("back\\slash", r"back\\slash"),
    ],
)
def test_escapes_are_those_of_python_and_a_backslash_is_doubled(text: str, shown: str) -> None:
    assert plain(text) == shown
    assert unescaped(shown) == text


@given(texts)
def test_what_is_shown_tells_the_text(text: str) -> None:
    assert unescaped(plain(text)) == text


@given(texts)
def test_what_is_shown_can_be_seen_and_is_shown_again_as_it_is(text: str) -> None:
    shown = inert(text)
    assert all(unicodedata.category(each) not in ACTIVE for each in shown)
    assert inert(shown) == shown


@given(texts)
def test_any_text_typed_is_an_escape_or_none(text: str) -> None:
    meant = unescaped(text)
    assert meant is None or unescaped(plain(meant)) == meant


@pytest.mark.parametrize(
    "typed", ["a\\", r"\q", r"\x1", r"\u12", r"\U00110000", r"\U0000004", r"\XFF"]
)
def test_half_an_escape_is_none(typed: str) -> None:
    assert unescaped(typed) is None


@given(st.recursive(texts, lambda inner: st.lists(inner) | st.dictionaries(texts, inner)))
def test_json_reads_back_as_it_was_and_holds_nothing_active(value: object) -> None:
    for ascii_only in (True, False):
        text = json_escaped(json.dumps(value, ensure_ascii=ascii_only))
        assert json.loads(text) == value
        assert inert(text) == text
