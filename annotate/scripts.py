"""The pages' scripts: ES modules, served to the browser under an address that names their content.

Such an address is kept for ever by browsers and proxies, and a new release has another one. The files hold nothing
of a workspace, so whoever asks gets them, as with Gradio's own code; `annotate.security.Gate` sets the headers.
"""

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import Response

FOLDER = "scripts"
"""The first part of the addresses: /scripts/DIGEST/board/main.js."""
_HERE = Path(__file__).parent
_YEAR = 365 * 86400
_DIGITS = 16
_LOST = "A part of this page did not arrive: reload it."


def router() -> APIRouter:
    """The route that serves every module, and nothing else of the folders that they lie in."""
    routes = APIRouter()
    routes.add_api_route(f"/{FOLDER}/{{version}}/{{name:path}}", _script, methods=["GET"])
    return routes


def address(name: str) -> str:
    """Where the module `name` (say "board/main.js") is served, relative to the root of the site.

    Raises KeyError if there is no such module.
    """
    if name not in modules():
        raise KeyError(f"There is no script {name!r} in {_HERE}.")
    return f"{FOLDER}/{digest(modules())}/{name}"


def start(name: str) -> str:
    """What gr.HTML is to do in `js_on_load`: import the module `name` and call its `start` with what Gradio gives.

    The page is served one level below the root of the site. Its own address says where that is, behind a proxy that
    puts something before it too.
    """
    return f"""import(new URL('../{address(name)}', document.baseURI)).then(
  ({{ start }}) => start({{ element, props, trigger, watch }}),
  () => {{ document.querySelector('#site').dataset.trouble = '{_LOST}'; }},
);"""


@cache
def modules() -> dict[str, bytes]:
    """Every module by its name, a path relative to this folder; read once, like the rest of the program."""
    return {path.relative_to(_HERE).as_posix(): path.read_bytes() for path in sorted(_HERE.rglob("*.js"))}


def digest(scripts: Mapping[str, bytes]) -> str:
    """16 hex digits of SHA-256 over names and contents; of all at once, because one imports another by its name."""
    whole = hashlib.sha256()
    for name, script in scripts.items():
        whole.update(f"{name} {len(script)}\n".encode() + script)
    return whole.hexdigest()[:_DIGITS]


def _script(version: str, name: str) -> Response:
    script = modules().get(name) if version == digest(modules()) else None
    if script is None:
        return Response("There is no such script: reload the page.", 404, media_type="text/plain")
    headers = {"Cache-Control": f"public, max-age={_YEAR}, immutable"}
    return Response(script, media_type="text/javascript", headers=headers)
