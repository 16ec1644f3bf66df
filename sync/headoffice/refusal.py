"""What a command of ours says no to."""


class Refusal(Exception):
    """What was asked cannot be done; the text is one sentence."""


def read_name(text: str) -> str:
    """A name as people read it. Raises Refusal."""
    name = text.strip()
    if not 1 <= len(name) <= 80 or not name.isprintable():
        raise Refusal("a name has 1 to 80 characters")
    return name
