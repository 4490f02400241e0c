"""A griffe extension: references of Sphinx become code, since the site's Markdown has none."""

import re
from typing import Any

import griffe

ROLE = re.compile(r":(?:class|data|func|meth):(?=`)")


class Roles(griffe.Extension):
    """Removes the role before a name in backticks."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Change the object's docstring, if it has one."""
        if obj.docstring:
            obj.docstring.value = ROLE.sub("", obj.docstring.value)
