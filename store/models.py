"""Model versions, what each was made from, and which of them writes the responses that people rank next."""

import json
from collections.abc import Sequence

from sqlite_utils import Database

from store.db import Row, insert, writing
from store.errors import BadInput, NotFound, NotReady
from store.records import Json, Model, ModelKind, Promotion

AT_ONCE = 2
"""Versions that answer side by side at most: a person compares no more in one look."""

LOOK = "@"
"""Between the name of a version and the step of a look that its run kept: `policy-1@5`."""


def add(db: Database, model: Model) -> int:
    """Store a model version; returns its id."""
    with writing(db):
        return insert(
            db,
            "models",
            {
                "name": model.name,
                "kind": model.kind,
                "base_model": model.base_model,
                "parent_id": model.parent_id,
                "job_id": model.job_id,
                "path": model.path,
                "metrics": json.dumps(model.metrics),
                "rating_id": model.rating_id,
                "reward_id": model.reward_id,
                "made_by": model.made_by,
                "settings": json.dumps(model.settings),
                "digest": model.digest,
            },
        )


def next_name(db: Database, kind: ModelKind) -> str:
    """The name of the next version of a kind, as in policy-3; asked in the transaction that adds it.

    Imported models bring their names along, which may look like ours.
    """
    taken = {m.name for m in every(db)}
    number = 1 + sum(1 for m in every(db, kind) if m.path)
    while (name := f"{kind}-{number}") in taken:
        number += 1
    return name


def measured(db: Database, model_id: int, metrics: Json) -> Model:
    """Put what was measured since in place of a version's metrics; returns the version. Raises NotFound."""
    with writing(db):
        db.execute("UPDATE models SET metrics = ? WHERE id = ?", [json.dumps(metrics), model_id])
        return get(db, model_id)


def every(db: Database, kind: ModelKind | None = None) -> list[Model]:
    """All model versions, or those of one kind, oldest first."""
    where, args = ("WHERE kind = ?", [kind]) if kind else ("", [])
    return [_model(row) for row in db.query(f"SELECT * FROM models {where} ORDER BY id", args)]


def latest(db: Database, kind: ModelKind) -> Model | None:
    """The newest version of a kind, None where there is none."""
    # By id and not by `created`: clocks are set back, ids are not.
    rows = db.query("SELECT * FROM models WHERE kind = ? ORDER BY id DESC LIMIT 1", [kind])
    return next((_model(row) for row in rows), None)


def get(db: Database, model_id: int) -> Model:
    """One version; raises NotFound."""
    for row in db.query("SELECT * FROM models WHERE id = ?", [model_id]):
        return _model(row)
    raise NotFound(f"There is no model {model_id}.")


def page(db: Database, after: int, limit: int) -> list[Model]:
    """At most `limit` versions whose id comes `after` one, by their ids."""
    return [_model(row) for row in db.query("SELECT * FROM models WHERE id > ? ORDER BY id LIMIT ?", [after, limit])]


def named(db: Database, name: str) -> Model:
    """One version by its name; raises NotFound with the names there are."""
    for row in db.query("SELECT * FROM models WHERE name = ?", [name]):
        return _model(row)
    names = ", ".join(m.name for m in every(db)) or "none yet"
    raise NotFound(f"There is no model {name!r}: the workspace has {names}.")


def lineage(db: Database, model_id: int) -> list[Model]:
    """A version, the one that it was trained on from, and so on up to the base model. Raises NotFound."""
    chain = [get(db, model_id)]
    while (parent := chain[-1].parent_id) is not None:
        chain.append(get(db, parent))
    return chain


def promote(db: Database, model_id: int, by: str, evidence: Json | None = None) -> None:
    """Make a policy the version that writes new responses from now on.

    `by` is whoever decided it, `evidence` what spoke for it. Raises NotFound, BadInput for a model that is no policy.
    """
    with writing(db):
        if (model := get(db, model_id)).kind != "policy":
            raise BadInput(f"{model.name} is a {model.kind} model and writes no responses: promote a policy.")
        insert(db, "promotions", {"model_id": model_id, "by": by, "evidence": json.dumps(evidence or {})})


def promotions(db: Database) -> list[Promotion]:
    """Every promotion, oldest first."""
    return [_promotion(row) for row in db.query("SELECT * FROM promotions ORDER BY id")]


def generator(db: Database) -> Model | None:
    """The version that writes new responses: the one promoted last, None where none ever was."""
    rows = db.query("SELECT * FROM models WHERE id = (SELECT model_id FROM promotions ORDER BY id DESC LIMIT 1)")
    return next((_model(row) for row in rows), None)


def speakers(db: Database, names: Sequence[str]) -> list[Model]:
    """The versions of these names, or else the one that writes the next responses.

    Raises NotFound for a name that is not there, BadInput for a version that writes no text and for more than two.
    """
    if len(names) > AT_ONCE:
        raise BadInput(f"{len(names)} versions are named and at most {AT_ONCE} answer side by side: name fewer.")
    if not names:
        if (speaker := generator(db) or latest(db, "policy")) is None:
            raise NotReady("The workspace has no policy: make it again with `python launch.py init`.")
        return [speaker]
    chosen = [named(db, name) for name in dict.fromkeys(names)]
    for version in chosen:
        if version.kind != "policy":
            there = ", ".join(m.name for m in every(db, "policy"))
            what = "is a reward model and writes no text" if version.kind == "reward" else "is not in this workspace"
            raise BadInput(f"{version.name} {what}: name one of {there}.")
    return chosen


def _model(row: Row) -> Model:
    return Model(
        name=row["name"],
        kind=row["kind"],
        base_model=row["base_model"],
        parent_id=row["parent_id"],
        job_id=row["job_id"],
        path=row["path"],
        metrics=json.loads(row["metrics"]),
        rating_id=row["rating_id"],
        reward_id=row["reward_id"],
        made_by=row["made_by"],
        settings=json.loads(row["settings"]),
        digest=row["digest"],
        id=row["id"],
        created=row["created"],
    )


def _promotion(row: Row) -> Promotion:
    return Promotion(
        model_id=row["model_id"],
        by=row["by"],
        evidence=json.loads(row["evidence"]),
        id=row["id"],
        created=row["created"],
    )
