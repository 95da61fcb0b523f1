"""Programs before the site: each has a token of its own."""

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from store import annotators, tokens
from store.records import Role, Scope
from store.workspace import Workspace
from tests.annotate.conftest import client, door, folder, more_tasks, rated, site, workspace

__all__ = ["client", "door", "folder", "more_tasks", "rated", "site", "workspace"]

EVERY: tuple[Scope, ...] = ("read", "rank", "write", "train")
Send = Callable[..., Any]


@pytest.fixture
def program(workspace: Workspace, client: TestClient) -> Callable[..., Send]:
    """`program("eva", "researcher", "read")("GET", "/me")` sends as a new person, with a token of these scopes."""

    def made(name: str, role: Role = "researcher", *scopes: Scope) -> Send:
        with workspace.store() as db:
            annotators.add(db, name, role)
            _, token = tokens.make(db, name, scopes or (EVERY if role != "annotator" else ("rank",)), "me")

        def send(method: str, path: str, body: Any = None, **more: Any) -> Any:
            headers = {"Authorization": f"Bearer {token}", **more.pop("headers", {})}
            return client.request(method, f"/api/v1{path}", json=body, headers=headers, **more)

        return send

    return made
