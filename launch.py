"""The launcher: every command, handed to the room that does it. `python launch.py COMMAND --help` says the rest."""

import contextlib
import dataclasses
import io
import itertools
import json
import logging
import subprocess
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro

from rlhf.commands.console import readable
from rlhf.commands.options import (
    Common,
    Force,
    Generate,
    Import,
    Init,
    Leaderboard,
    Loop,
    Nothing,
    Promote,
    Serve,
    Simulate,
)
from store import annotators, sessions, summary
from store.errors import BadInput, NoDisk, PlatformError, WorkError
from store.workspace import Workspace


@dataclass(frozen=True)
class Call:
    """One call of the launcher: where, with which options of its own and which settings tables."""

    workspace: Workspace
    options: Any
    settings: dict[str, Any]


def _demo(call: Call) -> dict[str, Any]:
    from rlhf.commands import demo

    if not call.workspace.database.exists():
        _init(Call(call.workspace, Init(), {}))
    rounds = demo.run(call.workspace, call.options)
    print(f"\n{demo.table(rounds)}\n", file=sys.stderr)
    print(f"Plot: {demo.plot(call.workspace)}", file=sys.stderr)
    print(f"Open the pages: python launch.py serve --workspace {call.workspace.folder}", file=sys.stderr)
    return {"rounds": rounds, "win_rate_new_topics": rounds[-1]["win_rate_new_topics"]}


def _init(call: Call) -> dict[str, Any]:
    from rlhf.commands.init import begin

    return begin(call.workspace.folder, **dataclasses.asdict(call.options))


def _import(call: Call) -> dict[str, Any]:
    from rlhf.commands.init import import_prompts

    return import_prompts(call.workspace, **dataclasses.asdict(call.options))


def _serve(call: Call) -> dict[str, Any]:
    from annotate.app import serve

    join = f"http://{call.options.host}:{call.options.port}/join?token="
    with call.workspace.store() as db:
        if not any(person.role == "admin" for person in annotators.every(db)):
            print(f"Sign in as the first admin (once): {join}{sessions.invite(db, 'admin')}", file=sys.stderr)
        print(f"Invite annotators: {join}{sessions.invite(db, 'annotator', uses=None)}", file=sys.stderr)
    worker = subprocess.Popen([sys.executable, "-m", "rlhf.jobs.worker", "--workspace", str(call.workspace.folder)])
    try:
        serve(call.workspace, host=call.options.host, port=call.options.port)
    finally:
        worker.terminate()
        worker.wait()
    return {}


def _work(call: Call) -> dict[str, Any]:
    from rlhf.jobs.worker import work

    work(call.workspace)
    return {}


def _status(call: Call) -> dict[str, Any]:
    with call.workspace.store() as db:
        return summary.summary(db, call.workspace.min_rankings())


def _leaderboard(call: Call) -> dict[str, Any]:
    from rlhf.stages.leaderboard import leaderboard, promote_if_preferred

    with call.workspace.store() as db:
        promoted = promote_if_preferred(db) if call.options.auto_promote else None
        return leaderboard(db) | ({"promoted": promoted} if call.options.auto_promote else {})


def _promote(call: Call) -> dict[str, Any]:
    from rlhf.stages.leaderboard import promote

    with call.workspace.store() as db:
        return promote(db, call.options.model, force=call.options.force)


def _job(kind: str) -> Callable[[Call], dict[str, Any]]:
    """A command that is a job: the same as the research page's, done in this process."""

    def run(call: Call) -> dict[str, Any]:
        from rlhf.jobs.execute import execute, start

        own = dataclasses.asdict(call.options)
        return execute(call.workspace, start(call.workspace, kind, {**own, "settings": call.settings}))

    return run


def _demo_options() -> Any:
    from rlhf.commands.demo import DemoConfig

    return DemoConfig


@dataclass(frozen=True)
class Command:
    """What a command says of itself, what does it, and the options it takes."""

    summary: str
    run: Callable[[Call], dict[str, Any]]
    options: Any = Nothing
    tables: tuple[str, ...] = ()
    """Settings tables whose options are flags too."""
    told: bool = False
    """Whether it has told a person everything by the time it ends."""


COMMANDS = {
    "demo": Command(
        "close the loop on the embedded model with simulated annotators", _demo, _demo_options, told=True
    ),
    "init": Command("make a workspace", _init, Init),
    "serve": Command(
        "open the annotators' page and the research page, with a worker beside them", _serve, Serve, told=True
    ),
    "work": Command("do queued jobs", _work, told=True),
    "import": Command("add prompts from a file", _import, Import),
    "generate": Command("sample fresh responses for the page", _job("generate"), Generate, ("generate", "sampling")),
    "simulate": Command("let simulated annotators rank the open tasks", _job("simulate"), Simulate),
    "rate": Command("turn rankings into scores", _job("rate"), Nothing, ("rating",)),
    "reward": Command("train the reward model on the scores", _job("reward"), Nothing, ("reward", "gate")),
    "ppo": Command("train a policy against the reward model", _job("ppo"), Force, ("ppo",)),
    "round": Command("rate, reward, ppo, generate; finished stages are skipped", _job("round"), Force, ("round",)),
    "loop": Command("a round whenever enough new rankings are there", _job("loop"), Loop, ("round",)),
    "leaderboard": Command(
        "model versions by people's rankings, and whether the newest beats the base", _leaderboard, Leaderboard
    ),
    "promote": Command("make a policy that people prefer the default generator", _promote, Promote),
    "status": Command("counts, versions, jobs, and what to do next", _status),
}


def main(argv: list[str] | None = None) -> int:
    """Run one command: 0 it is done, 1 the work failed, 2 the request was wrong."""
    argv = sys.argv[1:] if argv is None else argv
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(message)s")
    try:
        if not argv or argv[0] in ("-h", "--help"):
            print(_overview())
            return 0
        if argv[0] not in COMMANDS:
            raise BadInput(f"There is no command {argv[0]!r}: known are {', '.join(COMMANDS)}.")
        common, call = _parse(argv[0], argv[1:])
        result = COMMANDS[argv[0]].run(call)
        if common.json:
            print(json.dumps(result))
        elif not COMMANDS[argv[0]].told:
            print(readable(result))
    except (PlatformError, OSError) as error:
        if "--debug" in argv:
            traceback.print_exc()
        print(error, file=sys.stderr)
        return 1 if isinstance(error, WorkError) and not isinstance(error, NoDisk) else 2
    except KeyboardInterrupt:
        print("Stopped by hand: give the command again to go on.", file=sys.stderr)
        return 1
    return 0


def _parse(name: str, argv: list[str]) -> tuple[Common, Call]:
    """The command line of one command, over the settings of the workspace that it names."""
    command = COMMANDS[name]
    options = command.options() if command.options is _demo_options else command.options
    fields: list[tuple[str, Any, Any]] = [("command", options, dataclasses.field())]
    if command.tables:
        from rlhf.settings import Settings, overlay

        settings = overlay(Settings(), Workspace(_workspace_of(argv)).settings())
        for table in command.tables:
            config = getattr(settings, table)
            fields.append((table, type(config), dataclasses.field(default=config)))
    fields.append(("common", Common, dataclasses.field()))
    kind = dataclasses.make_dataclass(name.title(), fields, kw_only=True)
    kind.__doc__ = command.summary[0].upper() + command.summary[1:] + "."
    parsed = _tyro(kind, f"launch.py {name}", argv)
    tables = {table: dataclasses.asdict(getattr(parsed, table)) for table in command.tables}
    return parsed.common, Call(Workspace(parsed.common.workspace), parsed.command, tables)


def _tyro(kind: Any, program: str, argv: list[str]) -> Any:
    """tyro's parse, with its boxed errors folded into the one line that the launcher promises."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            shape = (tyro.conf.FlagCreatePairsOff, tyro.conf.OmitArgPrefixes)
            return tyro.cli(kind, prog=program, args=argv, config=shape)
    except SystemExit as end:
        if not end.code:
            raise
        # A title, then the sentence, then a ruler; with or without a frame around them.
        lines = [line.strip("│ ") for line in said.getvalue().splitlines()[1:]]
        blocks = [
            " ".join(block) for rule, block in itertools.groupby(lines, lambda x: not x.strip("─-")) if not rule
        ]
        raise BadInput(f"{blocks[0].rstrip('.')}: see `python {program} --help`.") from None


def _workspace_of(argv: list[str]) -> Path:
    """The folder named on the command line, before the rest of it can be understood."""
    words = [part for word in argv for part in word.split("=", 1)]
    named = [after for word, after in itertools.pairwise(words) if word == "--workspace"]
    return Path(named[-1]) if named else Common.workspace


def _overview() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name.ljust(width)}  {command.summary}" for name, command in COMMANDS.items()]
    return "\n".join(["usage: python launch.py COMMAND [--workspace DIR] [--json] ...", "", *lines])


if __name__ == "__main__":
    sys.exit(main())
