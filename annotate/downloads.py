"""Each table of the store as a file to download: CSV for a spreadsheet, JSON Lines with everything as it is."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Literal

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response, StreamingResponse
from markupsafe import Markup

from annotate.security import require, signed_in
from store.db import Row
from store.dumps import DUMPS, batch
from store.errors import NotFound
from store.workspace import Workspace

AREA = "/research"
"""Who may have them: those who may open the research page."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""With these a spreadsheet takes a text for a formula, and does what it says (CWE-1236)."""
_TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl"}

_LINKS = Markup("""<section class="panel downloads"><h2>Download</h2><dl>{}</dl>
<p class="note">JSON Lines has every value as it is. In CSV a text that a spreadsheet would take for a formula has '
before it.</p></section>""")
_LINK = Markup("""<div><dt>{0}</dt><dd><a href="../download/{0}.csv">CSV</a>
<a href="../download/{0}.jsonl">JSONL</a></dd></div>""")


def links() -> Markup:
    """A link to each file."""
    return _LINKS.format(Markup("").join(map(_LINK.format, DUMPS)))


def router(workspace: Workspace) -> APIRouter:
    """The route /download/TABLE.csv and .jsonl."""
    routes = APIRouter()

    @routes.get("/download/{file}")
    def download(request: Request, file: str) -> Response:
        if signed_in(workspace, request) is None:
            return RedirectResponse("/login", 303)
        require(workspace, request, AREA)
        table, _, form = file.rpartition(".")
        if table not in DUMPS or form not in _TYPES:
            raise NotFound("There is no such table: go back to the page that led you here.")
        lines = _lines(workspace, table, "csv" if form == "csv" else "jsonl")
        headers = {"Content-Disposition": f'attachment; filename="{file}"', "Cache-Control": "no-store"}
        return StreamingResponse(lines, media_type=_TYPES[form], headers=headers)

    return routes


def _lines(workspace: Workspace, table: str, form: Literal["csv", "jsonl"]) -> Iterator[str]:
    """The file piece by piece; each is read by a connection of its own, so that no long reading holds the store."""
    if form == "csv":
        yield _csv([dict(zip(DUMPS[table].columns, DUMPS[table].columns, strict=True))])
    after: list[object] | None = None
    while True:
        with workspace.store() as db:
            rows = list(batch(db, table, after))
        if not rows:
            return
        after = [rows[-1][name] for name in DUMPS[table].key]
        yield _csv(rows) if form == "csv" else "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _csv(rows: list[Row]) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerows([_cell(value) for value in row.values()] for row in rows)
    return written.getvalue()


def _cell(value: object) -> object:
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value
    return f"'{text}" if isinstance(text, str) and text.startswith(_FORMULA) else text
