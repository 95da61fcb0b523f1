"""The description of the interface, as OpenAPI and as a page that asks nobody else for anything."""

import re
from typing import Any

import pytest
from starlette.testclient import TestClient


@pytest.fixture
def described(client: TestClient) -> Any:
    return client.get("/api/v1/openapi.json").json()


def references(part: Any) -> set[str]:
    if isinstance(part, dict):
        return {part["$ref"]} if "$ref" in part else set().union(set(), *map(references, part.values()))
    return set().union(set(), *map(references, part)) if isinstance(part, list) else set()


def test_it_says_what_each_route_takes_and_gives(described: Any) -> None:
    assert described["servers"] == [{"url": "/api/v1"}]
    assert {ref.rpartition("/")[2] for ref in references(described)} == set(described["components"]["schemas"])
    for path, methods in described["paths"].items():
        for method, route in methods.items():
            assert route["description"], path
            assert set(route["responses"]) == {"200", "400", "401", "403", "404", "409", "413", "422"}, path
            for status, answer in route["responses"].items():
                (told,) = answer["content"].values()
                assert told["schema"], (path, status)
                assert status == "200" or told["schema"] == {"$ref": "#/components/schemas/Problem"}
            takes = method == "post" and not path.endswith(("/next", "/cancel"))
            assert ("requestBody" in route) is takes, path
    for name, shape in described["components"]["schemas"].items():
        assert shape["description"], name
        assert shape["type"] == "object"


def test_the_page_has_all_of_it_and_loads_nothing(client: TestClient, described: Any) -> None:
    answer = client.get("/api/v1/docs")
    text = answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert re.findall(r"<script|@import|url\(|https?://(?!www\.w3\.org/2000/svg)", text) == []
    assert set(re.findall(r'(?:src|href)="([^"#]*)"', text)) == {"../../favicon.svg", "openapi.json", ""} - {""}
    anchors = set(re.findall(r'id="([^"]+)"', text))
    assert set(re.findall(r'href="#([^"]+)"', text)) <= anchors
    for path, methods in described["paths"].items():
        for method, route in methods.items():
            assert f"<code>{method.upper()} /api/v1{path}</code>" in text
            assert route["description"].split(".")[0] in text.replace("&#39;", "'")
            assert all(f"<td>{part['name']}</td>" in text for part in route.get("parameters", []))
    for name, shape in described["components"]["schemas"].items():
        assert f'<section id="{name}">' in text
        assert all(f"<td>{field}</td>" in text for field in shape["properties"])
