"""Counters in Prometheus' text format (prometheus.io/docs/instrumenting/exposition_formats)."""

from collections import Counter, defaultdict


class Metrics:
    """Counts since the start. No store and no person is a label: this page is open."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str, int]] = Counter()
        self.events: Counter[str] = Counter({"stored": 0, "repeated": 0, "refused": 0})
        self.callbacks: Counter[tuple[str, int]] = Counter()
        self.rows_pulled = 0
        self.seconds: defaultdict[str, float] = defaultdict(float)

    def as_text(self) -> str:
        lines = _head("yingke_http_requests_total", "Requests by route and status.")
        lines += [
            f'yingke_http_requests_total{{method="{method}",route="{route}",status="{status}"}} {count}'
            for (method, route, status), count in sorted(self.requests.items())
        ]
        lines += _head("yingke_http_seconds_total", "Seconds spent answering, by route.")
        lines += [
            f'yingke_http_seconds_total{{route="{route}"}} {seconds:.6f}'
            for route, seconds in sorted(self.seconds.items())
        ]
        lines += _head("yingke_events_total", "Lines of uploads by what became of them.")
        lines += [
            f'yingke_events_total{{outcome="{outcome}"}} {count}'
            for outcome, count in sorted(self.events.items())
        ]
        lines += _head("yingke_platform_callbacks_total", "Callbacks of platforms by status.")
        lines += [
            f'yingke_platform_callbacks_total{{platform="{platform}",status="{status}"}} {count}'
            for (platform, status), count in sorted(self.callbacks.items())
        ]
        lines += _head("yingke_rows_pulled_total", "Rows that were pulled.")
        lines.append(f"yingke_rows_pulled_total {self.rows_pulled}")
        return "\n".join(lines) + "\n"


def _head(name: str, meaning: str) -> list[str]:
    return [f"# HELP {name} {meaning}", f"# TYPE {name} counter"]
