"""The gate's no, in words for programs and people."""


class Refused(Exception):
    """The gate does not do it; `key` for programs, `hint` for people."""

    def __init__(self, key: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.key = key
        self.hint = hint
