"""The types of problems that the API answers with."""

from blemish.problem_kinds import ProblemKind, problem_title


def test_a_logged_code_is_said_by_its_title() -> None:
    """The page says the title that the client was given; a code of a newer release stays itself."""
    assert problem_title("image") == ProblemKind.IMAGE.title == "The image is broken or ambiguous"
    assert problem_title("of-a-newer-release") == "of-a-newer-release"
