"""The report as one HTML file: no script, nothing fetched, and every value escaped."""

from datetime import datetime
from pathlib import Path
from typing import ClassVar

from trustkit.audit.report import Interval, Report

_TEMPLATE = "report.html"
_CHART_HEIGHT = 120
_CHART_WIDTH = 720


class HtmlWriter:
    """Writes a page that opens anywhere, prints well, and can run no code from an image's label."""

    api: ClassVar[int] = 1
    name: ClassVar[str] = "html"
    media_type: ClassVar[str] = "text/html"

    def write(self, report: Report) -> bytes:
        """Return the file's content."""
        # Loaded only here: the engine of templates costs 50 ms.
        from jinja2 import Environment, StrictUndefined

        source = Path(__file__).with_name(_TEMPLATE).read_text(encoding="utf-8")
        environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
        environment.filters.update(when=_when, day=_day, visible=_visible)
        page = environment.from_string(source).render(report=report, bars=_bars(report), width=_CHART_WIDTH)
        return page.encode("utf-8", "replace")


class Bar:
    """One bar of the chart, in the drawing's units; the parts stand on each other."""

    def __init__(self, interval: Interval, slot: float, number: int, most: int) -> None:
        """Place the bar `number` of a chart whose highest one counts `most`."""
        scale = _CHART_HEIGHT / most
        self.interval = interval
        self.x = round(number * slot + slot * 0.15, 2)
        self.width = round(min(slot * 0.7, 48), 2)
        self.parts = []
        top = float(_CHART_HEIGHT)
        for name, count in (
            ("allowed", interval.allowed),
            ("refused", interval.refused),
            ("unknown", interval.unknown),
        ):
            height = count * scale
            top -= height
            if count:
                self.parts.append((name, round(top, 2), round(height, 2)))


def _bars(report: Report) -> list[Bar]:
    sums = [row.allowed + row.refused + row.unknown for row in report.intervals]
    if not sums:
        return []
    slot = min(_CHART_WIDTH / len(sums), 72)
    return [Bar(row, slot, number, max(1, *sums)) for number, row in enumerate(report.intervals)]


def _when(at: datetime | None) -> str:
    return "" if at is None else at.strftime("%Y-%m-%d %H:%M:%S")


def _day(at: datetime, by_hour: bool) -> str:  # noqa: FBT001  (a template filter has no keywords)
    return at.strftime("%d %b %H:00" if by_hour else "%d %b %Y")


def _visible(text: str) -> str:
    """Show characters that would turn or hide text around them (bidirectional controls and such)."""
    return "".join(char if char.isprintable() or char == "\n" else f"\\u{ord(char):04x}" for char in text)
