"""The launcher: every command, handed to the room that does it. `python launch.py COMMAND --help` says the rest."""

import difflib
import importlib
import importlib.metadata
import json
import logging
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any

from rlhf.commands import evaluation
from rlhf.commands.completion import Completion, script
from rlhf.commands.console import readable
from rlhf.commands.door_options import (
    ExportOptions,
    ImportOptions,
    ImportsOptions,
    PromptsOptions,
    ReportOptions,
    WhyOptions,
)
from rlhf.commands.options import (
    BackupOptions,
    CancelOptions,
    ChatOptions,
    CheckOptions,
    CompletionOptions,
    DemoOptions,
    InboxOptions,
    InitOptions,
    LeaderboardOptions,
    PromoteOptions,
    RestoreOptions,
    ServeOptions,
    UserOptions,
)
from rlhf.commands.parse import Call, Command, parse
from rlhf.commands.user import address
from rlhf.exports import files
from rlhf.jobs.keeper import kept_working
from rlhf.settings import KINDS, settings_of
from rlhf.settings.overlay import overlay, short
from store import annotators, permissions, sessions
from store.called import CALLED, CHECKOUT, INSTALLED, as_called
from store.errors import BadInput, NoDisk, WorkError
from store.results import as_json
from store.words import in_words


def completion(call: Call[CompletionOptions]) -> Completion:
    """The command `completion`. It stands here, since only the launcher knows every command."""
    return script(COMMANDS, call.options.shell)


def serve(call: Call[ServeOptions]) -> None:
    """The command `serve`. It stands here, since only the launcher knows both the pages and the worker."""
    from annotate.app import serve as open_pages

    settings = overlay(settings_of(call.workspace), call.settings).serve
    join = f"{address(call.options.host, call.options.port, settings)}/join?token="
    with call.workspace.store() as db:
        if not any(person.role == "admin" for person in annotators.every(db)):
            print(f"Sign in as the first admin (once): {join}{sessions.invite_first_admin(db)}", file=sys.stderr)
        standing = sessions.standing_invitation(db, call.workspace.invitation)
        print(f"Invite annotators: {join}{standing}", file=sys.stderr)
    with kept_working(call.workspace):
        open_pages(call.workspace, host=call.options.host, port=call.options.port, settings=settings)


def report(call: Call[ReportOptions]) -> dict[str, object]:
    """The command `report`. It stands here, since only the launcher knows both the pages and what files go out."""
    from annotate.report import page

    to = call.options.to.expanduser()
    files.check_free(to)
    with call.workspace.store() as db, files.whole(to) as beside:
        beside.write_text(page(db, call.workspace), encoding="utf-8")
    return {"to": str(to), "megabytes": to.stat().st_size / 1e6}


SHOWN = {"evaluate": evaluation.shown}
"""Kinds of work whose results are read in a table of their own; all others are printed line by line."""
COMMANDS = {
    "demo": Command(
        "close the loop on the embedded model with simulated annotators",
        "rlhf.commands.demo:demo",
        DemoOptions,
        quiet=True,
    ),
    "init": Command("make a workspace: base model, settings, first prompts", "rlhf.commands.init:init", InitOptions),
    "serve": Command(
        "open the annotators' page and the research page, with a worker beside them",
        serve,
        ServeOptions,
        tables=("serve",),
        quiet=True,
    ),
    "user": Command(
        "list, add, invite, disable and enable people, give a new password or another role, show who did what",
        "rlhf.commands.user:user",
        UserOptions,
    ),
    "work": Command("do the jobs in the queue, until stopped", "rlhf.commands.work:work", quiet=True),
    "cancel": Command("end a job, whoever does it", "rlhf.commands.work:cancel", CancelOptions),
    "import": Command(
        "add prompts, responses and rankings from a file", "rlhf.commands.importing:import_file", ImportOptions
    ),
    "imports": Command(
        "list the imported files, take one out with its prompts, put it back",
        "rlhf.commands.imports:imports",
        ImportsOptions,
    ),
    "prompts": Command(
        "list the prompts, accept proposed ones, take some out, put them back",
        "rlhf.commands.imports:prompts",
        PromptsOptions,
    ),
    "inbox": Command(
        "list what annotators said: flags, skips, comments; put a flagged prompt back or take it out",
        "rlhf.commands.inbox:inbox",
        InboxOptions,
    ),
    **{
        name: Command(
            kind.summary,
            "rlhf.commands.work:do",
            kind.options,
            kind.tables,
            kind.parts,
            configured=True,
            shown=SHOWN.get(name, readable),
        )
        for name, kind in KINDS.items()
    },
    "export": Command(
        "write a data set, the rankings or a model in a form that other tools take",
        "rlhf.commands.export:export",
        ExportOptions,
    ),
    "report": Command(
        "write one page of all that is known, which needs no network: lineage, curves, leaderboard, examples",
        report,
        ReportOptions,
    ),
    "why": Command(
        "say where a response comes from: its version, what taught that, and the rankings behind it",
        "rlhf.commands.why:why",
        WhyOptions,
    ),
    "leaderboard": Command(
        "compare the model versions by people's rankings, and say whether the newest beats the base",
        "rlhf.commands.ask:leaderboard",
        LeaderboardOptions,
    ),
    "promote": Command(
        "let the policy that people prefer write the next responses", "rlhf.commands.ask:promote", PromoteOptions
    ),
    "check": Command(
        "say whether the store, the models and the files are sound, and how to mend what is not",
        "rlhf.commands.keep:check",
        CheckOptions,
    ),
    "backup": Command(
        "copy a workspace while people rank, and verify the copy", "rlhf.commands.keep:backup", BackupOptions
    ),
    "restore": Command("make a workspace of a backup", "rlhf.commands.keep:restore", RestoreOptions),
    "chat": Command(
        "talk to one version, or to two side by side",
        "rlhf.commands.chat:chat",
        ChatOptions,
        configured=True,
        quiet=True,
    ),
    "models": Command(
        "list the model versions: lineage, adapter, size, main figures", "rlhf.commands.versions:models_table"
    ),
    "completion": Command(
        "print what makes bash or zsh complete commands and options: `source <(rankloop completion bash)`",
        completion,
        CompletionOptions,
        shown=lambda result, _: str(result["script"]),
    ),
    "status": Command("show counts, agreement, versions, jobs, and what to do next", "rlhf.commands.ask:status"),
}
"""Every command; its function is named and not imported, so that no command loads what another one needs."""


def main(argv: list[str] | None = None) -> int:
    """Run one command: 0 it is done, 1 the work failed, 2 the request was wrong."""
    argv = sys.argv[1:] if argv is None else argv
    status = 0
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(message)s")
    try:
        status = _answer(argv)
        sys.stdout.flush()  # here, where a reader that is gone is met in silence
    except BrokenPipeError:
        # Whoever read (`| head`) has seen enough; without this the interpreter complains once more as it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (Exception, KeyboardInterrupt) as error:
        if "--debug" in argv and not isinstance(error, KeyboardInterrupt):
            traceback.print_exc()
        told = in_words(error)
        print(told, file=sys.stderr)
        return 1 if isinstance(told, WorkError) and not isinstance(told, NoDisk) else 2
    return status


def installed() -> int:
    """The command `rankloop` that an installation brings: `main`, whose messages then name it."""
    os.environ[CALLED] = INSTALLED  # for the worker too
    return main()


def _answer(argv: list[str]) -> int:
    name, *rest = argv or ["help"]
    if name in ("help", "-h", "--help"):
        if not rest:
            print(_overview())
            return 0
        name, rest = rest[0], ["--help"]
    if name == "--version":
        print(f"rankloop {importlib.metadata.version('rankloop')}")
        return 0
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, 1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(COMMANDS)}."
        raise BadInput(f"There is no command {short(name)}: {hint}")
    command = COMMANDS[name]
    call = parse(name, command, rest)
    with permissions.guarded(call.workspace.folder):
        result = as_json(_function(command)(call))
    if call.common.json:
        print(json.dumps(result))
    elif not command.quiet:
        print(command.shown(result, name))
    return int(result.get("sound") is False)  # `check` did its work, and what it looked at is not sound


def _function(command: Command) -> Callable[[Call[Any]], object]:
    if not isinstance(command.run, str):
        return command.run
    module, name = command.run.split(":")
    function: Callable[[Call[Any]], object] = getattr(importlib.import_module(module), name)
    return function


def _overview() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name.ljust(width)}  {command.summary}" for name, command in COMMANDS.items()]
    usage = f"usage: {as_called(CHECKOUT)} COMMAND [--workspace DIR] [--json] ...   (COMMAND --help says the rest)"
    return "\n".join([usage, "", *lines])


if __name__ == "__main__":
    sys.exit(main())
