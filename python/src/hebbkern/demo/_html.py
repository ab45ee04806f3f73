"""Pieces of HTML."""

from __future__ import annotations

import base64
from html import escape
from typing import Sequence

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
body { color: #222; background: #fff; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 2.2rem; }
img { max-width: 100%; height: auto; }
table { border-collapse: collapse; margin: 1rem 0; font-size: 0.92rem; display: block; overflow-x: auto; }
th, td { padding: 0.25rem 0.8rem; border-bottom: 1px solid #ddd; text-align: right; }
td { white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
.eq { font-family: serif; font-style: italic; font-size: 1.1rem; margin: 0.6rem 0 0.6rem 2rem; }
.note { color: #555; font-size: 0.92rem; }
"""


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    def line(cells: tuple[str, ...], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    return "<table>" + line(head, "th") + "".join(line(row, "td") for row in rows) + "</table>"


def image(pictures: dict[str, bytes], name: str, text: str) -> str:
    content = base64.b64encode(pictures[name]).decode()
    return f'<p><img alt="{escape(text)}" src="data:image/png;base64,{content}"></p>'
