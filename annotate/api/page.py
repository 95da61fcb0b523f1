"""The page that describes the interface: made of the description in OpenAPI, without a script, a font or an image."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from annotate import look
from annotate.api.shapes import LARGEST_ID
from annotate.plain import CSP
from store.records import Json

_STYLE = Markup(look.read("tokens.css", "site.css", "people.css", "api.css"))  # noqa: S704 (sheets of this package)
_PAGE = Markup("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>For programs · Rankloop</title><link rel="icon" href="../../favicon.svg"><style>
{style}</style></head><body><div class="page"><header class="site"><div class="mark">{mark}<span>Rankloop</span></div>
</header><main><h1>For programs</h1><p>{about} The same as <a href="openapi.json">OpenAPI</a>.</p>
{routes}<h2>Shapes</h2>{shapes}</main></div></body></html>""")
_ROUTE = Markup("""<section id="{id}"><h2><code>{method} {prefix}{path}</code> <small>{scope}</small></h2>
<p>{told}</p>{query}{sent}<p class="soft">Answers {given}; or with {errors}: {problem}.</p></section>""")
_SHAPE = Markup('<section id="{name}"><h3>{shown}</h3><p>{told}</p>{fields}</section>')
_TABLE = Markup("<table><tr>{}</tr>{}</table>")
_PAGES = re.compile("^Page_(.+)_$")
"""How pydantic calls a page of something."""
_LINK = Markup('<a href="#{}">{}</a>')


def page(api: FastAPI, prefix: str) -> HTMLResponse:
    """The description of an interface that is mounted under `prefix`."""
    told = api.openapi()
    routes = _joined(
        _route(prefix, path, method, route)
        for path, methods in told["paths"].items()
        for method, route in methods.items()
    )
    shapes = _joined(_shape(name, shape) for name, shape in told["components"]["schemas"].items())
    shown = _PAGE.format(style=_STYLE, mark=look.MARK, about=api.description, routes=routes, shapes=shapes)
    return HTMLResponse(shown, headers={"Content-Security-Policy": CSP})


def _route(prefix: str, path: str, method: str, route: Json) -> Markup:
    (scopes,) = [scopes for needed in route["security"] for scopes in needed.values()]
    body = route.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    answers = dict(route["responses"])
    ((kind, given),) = answers.pop("200")["content"].items()
    rows = [(name, part["in"], _kind(part["schema"]), part.get("description", "")) for part, name in _named(route)]
    return _ROUTE.format(
        id=route["operationId"],
        method=method.upper(),
        prefix=prefix,
        path=path,
        scope=f"scope {scopes[0]}" if scopes else "any token",
        told=route["description"],
        query=_table(("Parameter", "In", "Type", ""), rows) if rows else "",
        sent=Markup("<p>Takes {}.</p>").format(_kind(body)) if body else "",
        given=_kind(given["schema"]) if kind == "application/json" else kind,
        errors=", ".join(answers),
        problem=_kind(next(iter(answers.values()))["content"]["application/json"]["schema"]),
    )


def _named(route: Json) -> Iterator[tuple[Json, str]]:
    for part in route.get("parameters", []):
        yield part, part["name"]


def _shape(name: str, shape: Json) -> Markup:
    required = shape.get("required", [])
    rows = [
        (field, _kind(kind), "" if field in required or "default" not in kind else f"{kind['default']!r}")
        for field, kind in shape["properties"].items()
    ]
    fields = _table(("Field", "Type", "If not given"), rows)
    shown = _PAGES.sub(r"Page of \1", name)
    return _SHAPE.format(name=name, shown=shown, told=shape["description"], fields=fields)


def _kind(schema: Any) -> Markup:
    """A type in words, with links to the shapes in it."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return _LINK.format(name, _PAGES.sub(r"page of \1", name))
    if "anyOf" in schema:
        return Markup(" or ").join(_kind(part) for part in schema["anyOf"])
    if "enum" in schema:
        return Markup(", ").join(schema["enum"])
    if schema.get("type") == "array":
        return Markup("list of {}").format(_kind(schema["items"]))
    if isinstance(schema.get("additionalProperties"), dict):
        return Markup("object of {}").format(_kind(schema["additionalProperties"]))
    bounds = [f"{sign} {schema[key]}" for key, sign in _BOUNDS.items() if schema.get(key, LARGEST_ID) != LARGEST_ID]
    return Markup("{}").format(" ".join([schema.get("type", "anything"), *bounds]))


_BOUNDS = {"minimum": "≥", "maximum": "≤", "exclusiveMaximum": "<", "maxLength": "of at most"}


def _table(head: Iterable[str], rows: Iterable[tuple[object, ...]]) -> Markup:
    cells = _joined(Markup('<th scope="col">{}</th>').format(word) for word in head)
    lines = _joined(Markup("<tr>{}</tr>").format(_joined(Markup("<td>{}</td>").format(c) for c in r)) for r in rows)
    return _TABLE.format(cells, lines)


def _joined(parts: Iterable[Markup]) -> Markup:
    return Markup("").join(parts)
