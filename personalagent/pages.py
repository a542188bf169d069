"""Pages of the documentation whose figures are filled in by commands."""

import re

BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"


def filled(page: str, text: str) -> str:
    """The page with the text between its marks."""
    return re.sub(
        f"{re.escape(BEGIN)}.*{re.escape(END)}",
        lambda _: f"{BEGIN}\n\n{text}\n\n{END}",
        page,
        flags=re.DOTALL,
    )
