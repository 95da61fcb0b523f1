"""The board's scripts: which module imports which, and how they reach the browser."""

import re
import string
from collections.abc import Callable
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from starlette.testclient import TestClient

import annotate
from annotate import scripts
from rlhf.settings import Settings, overlay
from store import tasks
from store.errors import BadInput
from store.records import Role

FOLDER = Path(annotate.__file__).parent / "board"
ENTRY = re.compile(r"import\(new URL\('([^']+)', document\.baseURI\)\)")
TEXTS = {path.name: path.read_text() for path in FOLDER.glob("*.js")}
IMPORT = re.compile(r"^import \{([^}]*)\} from '\./([\w-]+\.js)';$", re.MULTILINE)
EXPORT = re.compile(r"^export (?:async )?(?:function|const) (\w+)", re.MULTILINE)
IMPORTS = {
    name: {
        source: set(re.findall(r"(?<! as )\b\w+", names)) - {"as"} for names, source in IMPORT.findall(TEXTS[name])
    }
    for name in TEXTS
}
EXPORTS = {name: set(EXPORT.findall(text)) for name, text in TEXTS.items()}


def reached(name: str) -> set[str]:
    found: set[str] = set()
    new = [name]
    while new:
        found.add(last := new.pop())
        new += IMPORTS[last].keys() - found
    return found


def test_the_reading_sees_every_import_and_export() -> None:
    assert "levels" in EXPORTS["model.js"]
    assert "levels" in IMPORTS["talk.js"]["model.js"]
    for name, text in TEXTS.items():
        assert len(re.findall(r"\bimport\b", text)) == len(IMPORT.findall(text)), name
        assert len(re.findall(r"\bexport\b", text)) == len(EXPORTS[name]), name


def test_every_module_is_reached_from_the_entry() -> None:
    assert reached("page.js") == set(TEXTS)
    assert EXPORTS["page.js"] == {"start"}


def test_no_module_imports_itself_round_a_corner() -> None:
    order = list(TopologicalSorter({name: set(sources) for name, sources in IMPORTS.items()}).static_order())
    assert order[-1] == "page.js"


def test_what_is_imported_is_exported_and_the_other_way_round() -> None:
    for name, sources in IMPORTS.items():
        for source, names in sources.items():
            assert names <= EXPORTS[source], (name, source)
    for name in TEXTS.keys() - {"page.js"}:
        used = set().union(*(sources.get(name, set()) for sources in IMPORTS.values()))
        assert EXPORTS[name] == used, name


def test_what_is_imported_is_used() -> None:
    for name, sources in IMPORTS.items():
        code = IMPORT.sub("", TEXTS[name])
        for imported in set().union(*sources.values()):
            assert re.search(rf"\b{imported}\b", code), (name, imported)


def test_what_is_called_is_imported_or_its_own() -> None:
    exported = set().union(*EXPORTS.values())
    for name, text in TEXTS.items():
        own = set(re.findall(r"\bfunction (\w+)", text))
        called = set(re.findall(r"(?<![.\w])(\w+)\(", text)) & exported
        assert called - own <= set().union(*IMPORTS[name].values()), name


def test_a_module_holds_no_state_of_its_own() -> None:
    """Gradio may start a second board in the same page, which imports the same modules."""
    for name, text in TEXTS.items():
        assert re.findall(r"^(?:let|var)\b.*", text, re.MULTILINE) == [], name
        assert re.findall(r"\b(?:window|globalThis|self)\.", text) == [], name


def entries(client: TestClient, area: str) -> list[str]:
    """The addresses of the modules that the components of a page start, as they stand there."""
    components: list[dict[str, Any]] = client.get(f"{area}/config").json()["components"]
    return [found for made in components for found in ENTRY.findall(made["props"].get("js_on_load") or "")]


def test_every_script_of_the_pages_is_an_entry_or_imported_by_one(
    sign_in: Callable[[str, Role], TestClient],
) -> None:
    client = sign_in("Rosa", "researcher")
    started = {entry.split("/", 3)[3] for area in ("/annotate", "/research") for entry in entries(client, area)}
    looks = {path.name: path.read_text() for path in (FOLDER.parent / "look").glob("*.js")}
    imported = {f"look/{source}" for text in looks.values() for _, source in IMPORT.findall(text)}
    research = {
        f"look/{name}.js"
        for name in ("asking", "browse", "desk", "proposals", "quick", "research", "start", "versions")
    }
    assert started == {"board/page.js", *research}
    assert not imported & research
    assert started | imported | {f"board/{name}" for name in reached("page.js")} == set(scripts.modules())
    for text in looks.values():
        for names, source in IMPORT.findall(text):
            assert set(re.findall(r"\w+", names)) <= set(EXPORT.findall(looks[source])), source


def test_whoever_opens_the_page_can_fetch_every_module(client: TestClient) -> None:
    """From the entry on, by the addresses that the browser makes of the imports; no session is needed."""
    new, seen = ["/" + scripts.address("board/page.js")], set()
    while new:
        seen.add(path := new.pop())
        answer = client.get(path)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        assert answer.text == TEXTS[path.rsplit("/", 1)[1]]
        new += {urljoin(path, f"./{name}") for _, name in IMPORT.findall(answer.text)} - seen
    assert {path.rsplit("/", 1)[1] for path in seen} == set(TEXTS)


@pytest.mark.parametrize(
    "path",
    [
        "scripts/0123456789abcdef/board/page.js",
        "scripts//board/page.js",
        "{version}/board/nothing.js",
        "{version}/board/board.html",
        "{version}/scripts.py",
        "{version}/board/../scripts.py",
        "{version}/%2e%2e/launch.py",
        "{version}//etc/hostname",
        "{version}/",
    ],
)
def test_nothing_else_is_served(client: TestClient, path: str) -> None:
    version = scripts.address("board/page.js").removesuffix("/board/page.js")
    answer = client.get("/" + path.format(version=version))
    assert answer.status_code == 404
    assert "cache-control" not in answer.headers


def test_an_address_names_the_content() -> None:
    known = {"a.js": b"one", "b.js": b"two"}
    others: list[dict[str, bytes]] = [
        {"a.js": b"one", "b.js": b"three"},
        {"a.js": b"one", "c.js": b"two"},
        {"a.js": b"one"},
        {"a.js": b"oneb", "b.js": b"two"},
        {"a.js": b"two", "b.js": b"one"},
        {"a.js": b"oneb.jstwo"},
        {"a.js": b"one", "b.jst": b"wo"},
        {},
    ]
    assert len({scripts.digest(known), *map(scripts.digest, others)}) == 1 + len(others)
    assert scripts.digest(dict(known)) == scripts.digest(known)
    with pytest.raises(KeyError, match=r"no script 'board/lost\.js'"):
        scripts.address("board/lost.js")


@pytest.mark.parametrize("root", ["https://rank.example/", "https://example.org/deep/down/"])
def test_the_page_finds_the_entry_wherever_the_site_lies(
    sign_in: Callable[[str, Role], TestClient], root: str
) -> None:
    """As the browser joins the page's address and the one in `js_on_load`."""
    client = sign_in("Ada", "annotator")
    assert '<base href="./" />' in client.get("/annotate/").text
    (entry,) = entries(client, "/annotate")
    found = urljoin(f"{root}annotate/", entry)
    assert found.startswith(f"{root}scripts/")
    assert client.get("/" + found.removeprefix(root)).status_code == 200
    assert not urlsplit(entry).netloc


def test_page_store_and_settings_allow_as_many_responses() -> None:
    (letters,) = re.findall(r"const LETTERS = '(\w+)'", TEXTS["letters.js"])
    assert letters == string.ascii_uppercase[: tasks.MOST_RESPONSES]
    overlay(Settings(), {"sampling": {"responses": len(letters)}})
    with pytest.raises(BadInput, match="26"):
        overlay(Settings(), {"sampling": {"responses": len(letters) + 1}})


def test_no_page_leads_to_the_root_of_the_host() -> None:
    """Below a path that a proxy puts before the site, an address from the root is another site's."""
    rooted = re.compile(r"""(?:href|src|action)=\\?["']/|fetch\(["'`]/""")
    files = [path for end in ("py", "js", "html") for path in FOLDER.parent.rglob(f"*.{end}")]
    assert len(files) > 50
    assert {path.name: rooted.findall(path.read_text()) for path in files if rooted.search(path.read_text())} == {}
