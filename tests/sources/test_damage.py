"""Where a broken element ends: at its brackets, or where the next one begins; in text that comes in any portions."""

import pytest

from pipeline.sources.files.damage import OVERLAP, Ending

KEYS = frozenset({b"a"})

#: Text, what stands before a line's first element, and where the element ends; None where it has no end.
CASES = [
    (b'{"x": 1}', None, 8),
    (b'{"x": 1} {"b": 2}', None, 8),
    (b'{"x": 1}]', None, 8),
    (b'{"x": 1}[1]', None, 8),
    (b'{"x": 1}, 7', None, 8),
    (b'{"x": 1}\n7', None, 8),
    (b'{"x": 1} 7', None, None),  # nothing between them
    (b'{"x": 1}, "y": 2', None, None),  # a member of an object that is not closed
    (b'{"x": 1}, }', None, None),
    (b'{"x": 1}, : 2', None, None),
    (b'{"x": 1} 7, {"a": 2}', None, 12),
    (b'{"x": "}"}', None, 10),
    (b'{"x": "\\"}"}', None, 12),
    (b'{"x": "\\\\"}', None, 11),
    (b'{"x": "a\\', None, None),
    (b'{"x": ""}', None, 9),
    (b'{"x": [1, {"y": 2}]}, 7', None, 20),
    (b'{{"a": 1}', None, 1),
    (b'{ {"b": 1}', None, None),
    (b'{"x" {"a": 1}', None, 5),
    (b'{"x" {"a": 1}}', None, 5),  # before its brackets close
    (b'{"x" {"a"', None, None),  # no key yet
    (b'{"x": {"a": 1', None, None),  # the value of a member
    (b'{"x": [{"a": 1', None, None),
    (b'{"x": "\n  {"b": 1}', b"\n  ", 10),
    (b'{"x": "\n  {"b": 1}', b"\n", None),
    (b'{"x": "\n  {"b": 1}', None, None),
]


@pytest.mark.parametrize(("text", "lead", "end"), CASES)
@pytest.mark.parametrize("before", [b"", b"7,\n" * 200])
def test_an_element_ends_by_its_brackets_or_before_the_next(text, lead, end, before):
    """However many blanks it has behind its first bracket."""
    for blanks in (0, 1, 7, *range(110, 130), *range(OVERLAP - 12, OVERLAP + 3), *range(370, 390)):
        data = before + text[:1] + b" " * blanks + text[1:]
        wanted = None if end is None else len(before) + end + blanks
        assert Ending(KEYS, lead).find(data, len(before), final=True) == wanted, blanks


@pytest.mark.parametrize(("text", "lead", "end"), CASES)
@pytest.mark.parametrize("blanks", [0, 60, 127, 128, 129, 300])
def test_an_end_is_the_same_in_text_that_comes_byte_by_byte(text, lead, end, blanks):
    """It is only told where what follows is known."""
    data = text[:1] + b" " * blanks + text[1:]
    ending = Ending(KEYS, lead)
    found = next((at for upto in range(1, len(data)) if (at := ending.find(data[:upto], 0, final=False))), None)
    assert (found or ending.find(data, 0, final=True)) == (None if end is None else end + blanks)


@pytest.mark.parametrize("element", [b"}", b"]", b'""', b"[]", b'"x"', b"[1, 2]"])
def test_short_elements(element):
    """Of one byte and more."""
    assert Ending(KEYS, None).find(element, 0, final=True) == len(element)
    assert Ending(KEYS, None).find(element, 0, final=False) is None
    assert Ending(KEYS, None).find(element + b",{", 0, final=False) == len(element)


@pytest.mark.parametrize("blanks", [b"", b" ", b"\n  ", b" " * 300])
def test_an_element_of_which_the_start_was_forgotten_ends_where_it_does(blanks):
    """Also where its end was known by then, and only waited for what follows."""
    element = b'{"x": ["' + b"y" * 400 + b'"]}'
    for count in (300, len(element) - 1, len(element), len(element) + len(blanks)):
        ending, data = Ending(KEYS, None), element + blanks
        assert ending.find(data, 0, final=False) is None
        ending.forget(count)
        wanted = max(0, len(element) - count)
        assert ending.find(data[count:] + b"{", 0, final=False) == wanted


def test_the_value_of_a_member_is_known_by_its_colon_though_its_name_was_forgotten():
    """It is no element of its own."""
    before, value = b'{"x' + b" " * 300 + b'"', b':{"a": 1'
    ending = Ending(KEYS, None)
    assert ending.find(before + value, 0, final=False) is None
    ending.forget(len(before))
    assert ending.find(value + b" ", 0, final=False) is None


def test_the_line_end_before_the_next_element_may_be_all_that_is_left():
    """Of an element that was forgotten."""
    before, ending = b'{"x": "' + b"y" * 300, Ending(KEYS, b"\n")
    assert ending.find(before + b"\n", 0, final=False) is None
    ending.forget(len(before))
    assert ending.find(b'\n{"b": 1', 0, final=False) == 1
