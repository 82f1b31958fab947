import pytest
from hypothesis import given
from hypothesis import strategies as st

from expokeep.settings.expand import escape, expand


@given(st.text(alphabet=st.sampled_from("${}:-ab")), st.booleans())
def test_what_is_escaped_comes_back_as_it_was(text: str, known: bool) -> None:
    assert expand(escape(text), {"a": "value"} if known else {}) == text


@pytest.mark.parametrize("text", ["x${A}", "${A}${A}", "${A b}", "${", "${}", "${1}"])
def test_what_cannot_be_replaced_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"not set|write \$\{NAME\}"):
        expand(text, {})


def test_a_lone_variable_that_is_empty_means_not_set() -> None:
    assert expand("${A}", {"A": ""}) is None
    assert expand("${A:-}", {}) is None
    assert expand("${A:-b}", {"A": ""}) == "b"


def test_a_value_is_not_expanded_again() -> None:
    assert expand("${A}", {"A": "${B}", "B": "no"}) == "${B}"
