"""Contains shared errors types that can be raised from API functions"""

from __future__ import annotations


class UnexpectedStatus(Exception):
    """Raised by api functions when the response status an undocumented status and Client.raise_on_unexpected_status is True"""

    def __init__(self, status_code: int, content: bytes):
        self.status_code = status_code
        self.content = content

        super().__init__(f"Unexpected status code: {status_code}")


class FieldError(TypeError, ValueError):
    """JSON that does not fit its model.

    It says where (``path``, such as ``supported_providers[3].provider_id``) and what is wrong there
    (``problem``), and never shows the value, which may be a secret.
    """

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(path, problem)
        self.path = path
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}" if self.path else self.problem

    def inside(self, path: str) -> FieldError:
        """The same error, seen from the object around this one."""
        return FieldError(f"{path}.{self.path}" if self.path else path, self.problem)


__all__ = ["FieldError", "UnexpectedStatus"]
