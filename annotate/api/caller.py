"""Who sends a request: the owner of its token, within the scopes of the token."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes
from sqlite_utils import Database

from annotate.security import Forbidden
from store import tokens
from store.errors import RequestError
from store.records import Role, Scope
from store.workspace import Workspace

_BEARER = HTTPBearer(
    auto_error=False,
    scheme_name="token",
    description="`Authorization: Bearer rankloop_...`, made on the page “People” or by `user token`.",
)


class NoToken(RequestError):
    """The request carries no token, or one that opens nothing."""

    status = 401


@dataclass(frozen=True)
class Caller:
    """The account that a request acts as, and what its token may do there now."""

    workspace: Workspace
    name: str
    role: Role
    scopes: frozenset[Scope]

    @contextmanager
    def store(self) -> Iterator[Database]:
        """The store of the workspace."""
        with self.workspace.store() as db:
            yield db


def called(
    needed: SecurityScopes, request: Request, sent: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]
) -> Caller:
    """The owner of the request's token; raises NoToken, and Forbidden where it lacks a scope that is needed."""
    workspace: Workspace = request.app.state.workspace
    if sent is None:
        raise NoToken("There is no token in this request: send `Authorization: Bearer TOKEN`.")
    with workspace.store() as db:
        known = tokens.owner_of(db, sent.credentials)
    if known is None:
        raise NoToken("This token opens nothing (unknown, revoked, or its account is disabled): ask for another.")
    owner, scopes = known
    for scope in needed.scopes:
        if scope not in scopes:
            has = ", ".join(sorted(scopes)) or "none"
            raise Forbidden(f"This needs the scope {scope} and the token has {has}: ask for another token.")
    return Caller(workspace, owner.name, owner.role, scopes)


Anybody = Annotated[Caller, Security(called)]
"""Whoever has a token."""
Reader = Annotated[Caller, Security(called, scopes=["read"])]
"""Who may read all that the research page shows."""
Ranker = Annotated[Caller, Security(called, scopes=["rank"])]
"""Who may rank, as on the annotators' page."""
Writer = Annotated[Caller, Security(called, scopes=["write"])]
"""Who may add prompts."""
Trainer = Annotated[Caller, Security(called, scopes=["train"])]
"""Who may start and cancel jobs."""
