"""`nba replay`: what was decided, decided again; by what decided then, or by something else."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.commands.common import STATE, AsJson, State, faults

Since = Annotated[str, typer.Option(help="Only what was decided at or after it: ISO 8601, or 7d for a week ago.")]
MOST = 20  # lines of each table; --json has them all


def replay(
    state: State = STATE,
    bundle: Annotated[Path | None, typer.Option(help="Decide by this one instead, and say what would change.")] = None,
    models: Annotated[Path | None, typer.Option(help="With --bundle: other models than STATE/models.")] = None,
    since: Since = "",
    as_json: AsJson = False,
) -> None:
    """Decide again what the journal holds, with what decided then, and compare byte for byte.

    Exit 1 when a decision comes out differently, or cannot be made again. With --bundle, nothing need be the same: then
    it says what would have changed, by action, channel, segment and gate, and exits 1 only when nothing was decided.
    """
    from engine.serve.past.replay import replay as run
    from engine.serve.past.trial import Changed
    from engine.serve.past.whatif import what_if

    with faults():
        since_ms = _moment(since) if since else 0
        if bundle:
            changed = Changed(bundle, models or state / "models")
            found = what_if(state, since_ms, changed)
            good, words = bool(found["decisions"]), _changes(found)
        else:
            found = run(state, since_ms)
            good, words = found["same"] == found["decisions"] > 0, _compared(found)
    for line in (json.dumps(found),) if as_json else words:
        typer.echo(line)
    raise typer.Exit(0 if good else 1)


def _compared(found: dict[str, Any]) -> Iterator[str]:
    yield f"{found['same']} of {found['decisions']} decisions are the same, to the byte"
    for name in found["differing"]:
        yield f"  different: {name}"
    yield from _left_out(found)


def _left_out(found: dict[str, Any]) -> Iterator[str]:
    for reason, count in found["not_replayable"].items():
        yield f"  {count} cannot be made again: {reason}"


def _changes(found: dict[str, Any]) -> Iterator[str]:
    yield f"{found['changed']} of {found['decisions']} decisions would have another ranking"
    yield from _left_out(found)
    for what, counts in found["by"].items():
        moved = {name: count for name, count in counts.items() if count["changed"]}
        yield f"by {what}: {'' if moved else 'nothing changes'}"
        for name, count in sorted(moved.items(), key=lambda item: -item[1]["changed"])[:MOST]:
            yield f"  {name}: {count['before']} before, {count['after']} after, {count['changed']} changed"
    for sample in found["samples"]:
        before, after = (", ".join(sample[side]) or "nothing" for side in ("before", "after"))
        yield f"  {sample['decision_id']} {sample['customer']} in {sample['channel']}: {before} -> {after}"


def _moment(text: str) -> int:
    from engine.decide.values import duration_ms, moment_ms

    try:
        return time.time_ns() // 1_000_000 - duration_ms(text)
    except ValueError:
        return moment_ms(text)
