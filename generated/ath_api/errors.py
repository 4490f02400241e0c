"""What the functions of ``ath_api.api`` and the models raise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .models.error_body import ErrorBody
    from .types import Response


class ResponseError(Exception):
    """Raised for every answer that is not the success that the spec describes.

    Its text and repr show the status and ``problem``, and nothing of the body.
    """

    def __init__(self, response: Response[Any, Any]) -> None:
        super().__init__(response)
        self.response = response

    @property
    def status_code(self) -> int:
        return self.response.status_code

    @property
    def headers(self) -> Mapping[str, str]:
        return self.response.headers

    @property
    def error(self) -> ErrorBody | None:
        """The error body; None if there is none that could be read."""
        return self.response.parsed

    @property
    def problem(self) -> str | None:
        """What is wrong with the answer; None if it is an error as the spec describes it."""
        return self.response.problem

    def __str__(self) -> str:
        status = f"the answer has status {self.status_code}"
        return f"{status}: {self.problem}" if self.problem else status

    def __repr__(self) -> str:
        return f"ResponseError({self})"


class FieldError(TypeError, ValueError):
    """JSON that does not fit its model.

    It says where (``path``, such as ``supported_providers[3].provider_id``) and what is wrong there
    (``problem``), and never shows the value, which may be a secret.
    """

    def __init__(self, path: str, problem: str, expected: str = "") -> None:
        super().__init__(path, problem, expected)
        self.path = path
        self.problem = problem
        self.expected = expected
        """The JSON type, if the value is of another one."""

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}" if self.path else self.problem

    def inside(self, place: str) -> FieldError:
        """The same error, seen from the object or array around the value."""
        if not place:
            return self
        dot = "." if self.path and not self.path.startswith("[") else ""
        return FieldError(f"{place}{dot}{self.path}", self.problem)
