"""The errors of the product."""

import pickle

from obs_core import errors
from obs_core.errors import ObsError, QuestionTimedOut


def test_the_docstring_documents_every_error() -> None:
    classes = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)}
    assert {name for name in classes if name in (errors.__doc__ or "")} == classes


def test_an_error_keeps_its_hint_when_it_is_pickled() -> None:
    error = pickle.loads(pickle.dumps(QuestionTimedOut("It took too long.", "Narrow the window.")))  # noqa: S301
    assert isinstance(error, ObsError)
    assert (error.message, error.hint, str(error)) == ("It took too long.", "Narrow the window.", "It took too long.")
