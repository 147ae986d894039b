"""What the Parquet files hold, column by column; `docs/journal.md` says what each one means.

Columns are only ever added: a reader takes the ones it knows, and a file without one has nothing there.
"""

from functools import cache
from typing import Any

TEXT, MOMENT, BYTES, NUMBER, WHOLE = "text", "moment", "bytes", "number", "whole"
OF_DECISION = {
    "decision_id": TEXT, "at_ms": MOMENT, "now_ms": MOMENT, "customer_id": TEXT, "request_id": TEXT, "snapshot": TEXT,
    "adaptive": TEXT, "effort": TEXT, "degraded": TEXT,
}  # fmt: skip
COLUMNS: dict[str, dict[str, str]] = {
    "decisions": {
        **OF_DECISION, "funnel": "stages", "candidates": WHOLE, "ranked": WHOLE, "seed": "bits", "format": WHOLE,
        "record": BYTES, "reserving": BYTES, "read": BYTES, "request": BYTES, "reply": BYTES,
    },
    "rankings": {
        **OF_DECISION, "channel": TEXT, "placement": TEXT, "rank": WHOLE, "action_key": TEXT, "propensity": NUMBER,
        "model_propensity": NUMBER, "value": NUMBER, "priority": NUMBER, "selection_probability": NUMBER,
        "model": TEXT, "maturity": NUMBER, "fallback": "truth", "message": TEXT,
    },
    "records": {"name": BYTES, "packed": BYTES},
    "adaptive": {"version": TEXT, "learned": BYTES},
    "shadows": {
        "decision_id": TEXT, "model": TEXT, "action_key": TEXT, "channel": TEXT, "propensity": NUMBER,
    },
    "interactions": {
        "number": WHOLE, "key": TEXT, "customer_id": TEXT, "also_known_as": TEXT, "kind": TEXT, "at_ms": MOMENT,
        "channel": TEXT, "action_key": TEXT, "group": TEXT, "objective": TEXT, "placement": TEXT, "decision_id": TEXT,
        "amount": NUMBER, "discount": NUMBER,
    },
    "changes": {
        "number": WHOLE, "kind": TEXT, "customer_id": TEXT, "recorded_ms": MOMENT, "purpose": TEXT, "channel": TEXT,
        "granted": "truth", "source": TEXT, "at_ms": MOMENT, "basis": TEXT, "expires_ms": MOMENT, "said_as": TEXT,
        "preferences": TEXT,
        "other": TEXT,
    },
}  # fmt: skip
KINDS = tuple(COLUMNS)
VIEWS = {
    "consents": "select number, customer_id, recorded_ms, purpose, channel, granted, source, at_ms, basis, expires_ms "
    "from changes where kind = 'consent'",
    "links": "select number, customer_id, recorded_ms, other from changes where kind = 'link'",
    "exposures": "select * from interactions where kind = 'exposure'",
    "outcomes": "select * from interactions where kind <> 'exposure' and (decision_id <> '' or action_key <> '')",
}


@cache
def schema(kind: str) -> Any:
    """The Arrow schema of a kind."""
    import pyarrow as pa

    stage = pa.struct([("stage", pa.string()), ("rows", pa.int64())])
    types = {
        TEXT: pa.string(), MOMENT: pa.int64(), BYTES: pa.binary(), NUMBER: pa.float64(), WHOLE: pa.int64(),
        "bits": pa.uint64(), "truth": pa.bool_(), "stages": pa.list_(stage),
    }  # fmt: skip
    return pa.schema([(name, types[what]) for name, what in COLUMNS[kind].items()])
