"""Results as people read them."""

from rlhf.commands.console import readable


def test_lines_tables_and_what_is_left_out() -> None:
    shown = readable(
        {
            "open_tasks": 3,
            "alpha": 0.123456,
            "nothing": None,
            "empty": [],
            "models": [
                {"name": "base", "parent": None, "elo": 1000.0, "good": True, "note": "", "examples": ["a"]},
                {"name": "policy-1", "parent": "base", "elo": 87.25, "good": False, "note": "", "examples": []},
            ],
            "agreement": {"low": 0.5, "high": 1},
            "curve": [[1, 0.5], [2, 0.75]],
        }
    )
    assert shown.splitlines() == [
        "open tasks: 3",
        "alpha: 0.1235",
        "models:",
        "  name      parent    elo  good",
        "  base      -        1000  yes",
        "  policy-1  base    87.25  no",
        "agreement:",
        "  low: 0.5",
        "  high: 1",
        "curve: 1, 0.5, 2, 0.75",
    ]
