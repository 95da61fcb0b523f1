"""Webhooks: what happened is told to the address that `[webhooks]` names, by a thread that holds up no job."""

import hashlib
import hmac
import http.client
import json
import logging
import os
import secrets
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from rlhf.settings import Settings, settings_of
from rlhf.settings.overlay import short
from store import outbox, rounds
from store.errors import BadInput, PlatformError
from store.outbox import Message
from store.permissions import access_of
from store.workspace import Workspace

LOOK_SECONDS = 2.0
"""How often it is looked for something to tell."""
SECONDS = 5.0
"""How long a receiver may take in all."""
SECRET_BYTES = 32
"""Random bytes of a secret that is made here."""

log = logging.getLogger(__name__)


@contextmanager
def telling(workspace: Workspace) -> Iterator[None]:
    """Tell what happens, for as long as this lasts; what is not told then is kept for the next worker."""
    ending = threading.Event()

    def tell_all() -> None:
        said = ""
        while not ending.wait(LOOK_SECONDS):
            try:
                tell(workspace)
                said = ""
            except (sqlite3.Error, OSError, PlatformError) as error:
                if said != str(error):  # once, and not at every look
                    log.warning("nothing could be told by webhook, and it is tried again: %s", error)
                said = str(error)

    thread = threading.Thread(target=tell_all, name="webhooks", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ending.set()  # a message on its way is not waited for: it stays noted, and is sent again


def tell(workspace: Workspace) -> None:
    """Send every message that is due. Raises BadInput for settings or a secret that cannot be used."""
    settings = settings_of(workspace)
    wanted = settings.webhooks.events if settings.webhooks.url else ()
    with workspace.store() as db:
        outbox.keep_only(db, wanted)
    if not wanted:
        return
    _check(settings.webhooks.url)
    secret = secret_of(workspace, settings)
    if "enough_rankings" in wanted:
        _notice_rankings(workspace, settings)
    while True:
        with workspace.store() as db:
            message = outbox.claim(db)
        if message is None:
            return
        error = _send(settings.webhooks.url, secret, message)
        if error:
            log.warning("webhook %d (%s) did not arrive: %s", message.id, message.event, error)
        with workspace.store() as db:
            outbox.sent(db, message, error)


def secret_of(workspace: Workspace, settings: Settings) -> bytes:
    """The secret by which messages are signed, from its file, which is made where it is not there.

    Raises BadInput where nothing is in it.
    """
    file = workspace.folder / Path(settings.webhooks.secret_file).expanduser()
    if not file.exists():
        # Whole when it appears, and made by one: two workers may look at once.
        beside = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as made:
            os.fchmod(made.fileno(), access_of(workspace.folder).file)
            made.write(f"{secrets.token_urlsafe(SECRET_BYTES)}\n")
        with suppress(FileExistsError):
            os.link(beside, file)
        beside.unlink()
    if secret := file.read_bytes().strip():
        return secret
    raise BadInput(f"{file.name} holds no secret to sign webhooks with: write one into it, or delete it.")


def signature(secret: bytes, seconds: int, body: bytes) -> str:
    """The header by which a receiver knows who sent a body and when: HMAC-SHA256 (RFC 2104) of both."""
    made = hmac.new(secret, f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={seconds},v1={made}"


def _check(url: str) -> None:
    """Raise BadInput for what is no address of http or https."""
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        known = False
    if not known:
        raise BadInput(f"webhooks.url is {short(url)}: write http:// or https:// and a host.")


def _notice_rankings(workspace: Workspace, settings: Settings) -> None:
    with workspace.store() as db:
        number, new = rounds.following(db)
        enough = settings.round.min_rankings
        if new >= enough and not outbox.noted(db, "enough_rankings", number):
            outbox.note(db, "enough_rankings", number, {"round": number, "rankings": new, "needed": enough})


def _send(url: str, secret: bytes, message: Message) -> str:
    """Send a message; returns why it did not arrive. A redirect is not followed: it is no receipt."""
    at = datetime.fromtimestamp(message.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    body = json.dumps({"id": message.id, "event": message.event, "at": at, "data": message.data}).encode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "rankloop",
        "X-Rankloop-Signature": signature(secret, int(time.time()), body),
    }
    parts = urlsplit(url)
    connects = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection = connects(parts.hostname or "", parts.port, timeout=SECONDS)
        with _cut_off(connection):
            connection.request("POST", path, body, headers)
            status = connection.getresponse().status
    except (OSError, http.client.HTTPException, ValueError) as error:
        return f"{type(error).__name__}: {error}"[:200]
    return "" if 200 <= status < 300 else f"it was answered with {status}"


@contextmanager
def _cut_off(connection: http.client.HTTPConnection) -> Iterator[None]:
    """Close the connection at the end, and after `SECONDS` in any case: a time-out counts only the silences."""

    def cut() -> None:
        with suppress(OSError):
            if connection.sock:
                connection.sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(SECONDS, cut)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        connection.close()
