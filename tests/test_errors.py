"""The error tree."""

import pickle

from obs_core import errors
from obs_core.errors import ObsError, QuestionTimedOut


def test_the_tree_in_the_docstring_names_every_error() -> None:
    named = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)}
    assert {name for name in named if name in (errors.__doc__ or "")} == named


def test_an_error_keeps_its_hint_across_processes() -> None:
    error = pickle.loads(pickle.dumps(QuestionTimedOut("It took too long.", "Narrow the window.")))  # noqa: S301
    assert isinstance(error, ObsError)
    assert (error.message, error.hint, str(error)) == ("It took too long.", "Narrow the window.", "It took too long.")
