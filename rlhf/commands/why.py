"""The command `why`: from a response to the rankings that shaped it, and from a ranking to what rests on it."""

from rlhf.commands.door_options import WhyOptions
from rlhf.commands.parse import Call
from store import traces
from store.errors import BadInput
from store.traces import WhyRanking, WhyResponse


def why(call: Call[WhyOptions]) -> WhyResponse | WhyRanking:
    """The command `why`: lineage of one response, or of one ranking."""
    asked = call.options
    if len(asked.ids) + (asked.ranking is not None) != 1:
        both = " and a ranking" if asked.ranking else ""
        raise BadInput(
            f"`why` was given {len(asked.ids)} responses{both}: name one response by its number, or one ranking with "
            "--ranking."
        )
    with call.workspace.store() as db:
        return traces.why_ranking(db, asked.ranking) if asked.ranking else traces.why_response(db, asked.ids[0])
