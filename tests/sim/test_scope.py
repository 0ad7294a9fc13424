"""Scopes: the grammar of docs/semantics.md 1."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everyturn.errors import UsageError
from everyturn.world.scope import DEFAULT_SCOPES, EXTRAS, PROMPTS, Scope


def test_a_scope_is_prompts_and_extras() -> None:
    """Letters become numbers; a missing number is one."""
    scope = Scope.parse("AAa+2c+t+u")
    expected = ("AAa", 2, 2, 1, 1, 0)
    assert expected == (scope.prompts, scope.run_ids, scope.cancels, scope.tools, scope.nearly_full, scope.direct)


def test_order_does_not_matter() -> None:
    """Two spellings of one scope are one scope."""
    assert Scope.parse("aIA+1t+2c") == Scope.parse("AaI+2c+1t")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "found nothing"),
        ("+1c", "found nothing"),
        ("AX", "found 'X'"),
        ("AA+1z", "found '1z'"),
        ("AA+", "found ''"),
        ("AA+0c", "from 1 to 999"),
        ("AA+1c+2c", "repeats a letter"),
        ("AA+2d", "takes no number"),
        ("AA+1c1", "found '1c1'"),
        ("AA+٣c", "found '٣c'"),
        ("AA+9999999999c", "from 1 to 999"),
    ],
)
def test_a_wrong_scope_says_what_is_wrong(text: str, said: str) -> None:
    """The error names the scope, what was expected and what was found."""
    with pytest.raises(UsageError) as error:
        Scope.parse(text)
    assert said in str(error.value)
    assert repr(text) in str(error.value)


@given(
    st.text(alphabet="".join(PROMPTS), min_size=1, max_size=6),
    st.dictionaries(st.sampled_from(list(EXTRAS)), st.integers(1, 999)),
)
def test_what_is_written_is_read_again(prompts: str, extras: dict[str, int]) -> None:
    """Writing a scope and reading it gives the same scope."""
    parts = [prompts, *(f"{number}{letter}" if EXTRAS[letter][1] else letter for letter, number in extras.items())]
    scope = Scope.parse("+".join(parts))
    assert scope == Scope.parse(str(scope))


@given(st.text(max_size=20))
def test_any_text_is_a_scope_or_a_clean_error(text: str) -> None:
    """Nothing but UsageError comes out of a wrong scope."""
    try:
        Scope.parse(text)
    except UsageError as error:
        assert "\n" not in str(error)


def test_the_default_scopes_are_canonical() -> None:
    """What is printed for a default scope is what a user types."""
    assert [str(Scope.parse(text)) for text in DEFAULT_SCOPES] == list(DEFAULT_SCOPES)
