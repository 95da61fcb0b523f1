"""The exceptions of the whole project, in one tree.

    PlatformError
    ├── RequestError            what was asked cannot be done as asked: exit 2
    │   ├── BadInput            a file, a value or an option is wrong
    │   │   └── BadRankings     rankings or options that no score can be made from (rlhf/ratings; a ValueError too)
    │   ├── NotFound            a workspace, model, prompt, task or job that is not there
    │   │   └── NoStore         where a store should be there is none, or what is none (a BadInput too)
    │   ├── NotReady            an earlier stage has to come first, or more rankings have to
    │   ├── NewerWorkspace      the workspace was made by a newer version
    │   ├── Refused             allowed only with --force
    │   ├── LeaseLost           the task is somebody else's by now, or already ranked
    │   └── Busy                another job has the workspace to itself
    └── WorkError               the work itself failed: exit 1
        ├── NotConverged        a fit still moves after as many steps as it is given
        ├── Cancelled           somebody cancelled the job
        ├── Superseded          another process does the job by now; this one may write nothing more
        ├── NoDisk              there is no room to write; nothing was lost: exit 2, since nothing was done
        ├── Locked              another program holds the store; nothing was changed
        ├── Damaged             the store, or a file of a model, is not as it was written
        └── Unforeseen          an error of the program itself, which is to be reported

Every message is one line: the fact, the number, the remedy. `store.words.in_words` makes one of any other exception.
"""

from store.called import as_called


class PlatformError(Exception):
    """Anything the project raises on purpose."""

    def __str__(self) -> str:
        """The message on one line, its commands as they are called here.

        In characters that every file and terminal takes: a path in it may hold others.
        """
        line = " ".join(as_called(super().__str__()).splitlines())
        return line.encode("utf-8", "backslashreplace").decode()


class RequestError(PlatformError):
    """The request was wrong; nothing was changed."""


class BadInput(RequestError):
    """A file, a value or an option is wrong."""


class NotFound(RequestError):
    """Something named in the request does not exist."""


class NoStore(NotFound, BadInput):
    """There is no store where one should be, or it cannot be opened as one."""


class NotReady(RequestError):
    """The request needs something that has not been made yet."""


class NewerWorkspace(RequestError):
    """The workspace was written by a newer version of the project."""


class Refused(RequestError):
    """The request would do harm; `--force` overrides."""


class LeaseLost(RequestError):
    """The task is leased to somebody else by now, or was finished."""


class Busy(RequestError):
    """Another job trains or writes responses here; one at a time may."""


class WorkError(PlatformError):
    """The request was right and the work failed."""


class NotConverged(WorkError):
    """An iterative fit did not come to rest; there is no result to go on with."""


class Cancelled(WorkError):
    """The job was cancelled; what it had not stored by then is not stored."""


class Superseded(WorkError):
    """The job was taken over, since this process was taken for dead; what it still does is in vain."""


class NoDisk(WorkError):
    """The disk is full, or cannot be written; what was there before is still there."""


class Locked(WorkError):
    """Another program holds the store locked; nothing was changed, and the same request may be made again."""


class Damaged(WorkError):
    """The store, or a file of a model, cannot be read as it was written."""


class Unforeseen(WorkError):
    """An exception that nobody thought of: a fault of the program, to be reported with its traceback."""
