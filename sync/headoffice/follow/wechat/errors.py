"""What WeChat's API refuses, and what that means for us. Pure.

Sources: developers.weixin.qq.com/doc/oplatform/developers/errCode/errCode.html,
developer.work.weixin.qq.com/document/path/90313 (WeCom).
"""

from typing import Any, Final

from sync.headoffice.follow.event import WhyNot

BAD_TOKEN: Final = frozenset({40001, 40014, 42001})
_WHY: Final[dict[int, WhyNot]] = {48001: "no_permission", 50001: "no_permission", 45103: "unsupported"}
_SENTENCES: Final = {
    -1: "the platform is busy",
    40001: "the app secret or the token is wrong",
    40013: "the app id is wrong",
    40125: "the app secret is wrong",
    40164: "the address of this machine is not on the account's list of allowed addresses",
    40243: "the app secret is frozen: take it into use again in the account's console",
    45009: "the day's quota of calls is used up",
    45011: "too many calls a minute",
    45103: "the platform has withdrawn this call",
    48001: "the account has no permission for this call: only a verified service account has",
    50001: "the account has no permission for this call: only a verified service account has",
    60020: "the address of this machine is not among the company's trusted addresses",
    61024: "the account is in the hands of a third-party platform, which alone may fetch the token",
}


class ApiRefused(Exception):
    """The platform answered, and the answer is no; `code` None: the answer makes no sense."""

    def __init__(self, code: int | None) -> None:
        if code is None:
            super().__init__("the platform's answer makes no sense")
        else:
            super().__init__(f"{_SENTENCES.get(code, 'refused')} (errcode {code})")
        self.code = code

    @property
    def why(self) -> WhyNot:
        return _WHY.get(self.code or 0, "unavailable")


def checked(answer: Any) -> dict[str, Any]:
    """The answer when it is a good one: no `errcode`, or 0. Raises ApiRefused."""
    if not isinstance(answer, dict):
        raise ApiRefused(None)
    code = answer.get("errcode", 0)
    if not isinstance(code, int):
        raise ApiRefused(None)
    if code != 0:
        raise ApiRefused(code)
    return answer
