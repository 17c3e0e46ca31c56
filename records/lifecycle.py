"""States and the only legal transitions, as tables; and the closed list of event types of the custody ledger.

Source: design, section 1; reference of custody, section 1.3. docs/design/lifecycle.md shows the same tables and a test
compares them. A verifier replays the ledger against `TRANSITIONS`.
"""

from records import desk_moves
from records.errors import LifecycleError

SCAN_STATES = ("waiting", "received", "accessioned", "duplicate", "refused")
ORIGINAL_STATES = ("sealed", "stored", "abandoned", "shredded", "erased")
RECORD_STATES = ("accessioned", "read", "described", "in_review", "indexed", "disposed")
BATCH_STATES = ("open", "closed")
VAULT_KEY_STATES = ("current", "retired", "destroyed")
DISPOSAL_STATES = ("proposed", "approved", "refused", "finished")
DISPOSAL_LINE_STATES = ("listed", "disposed", "dropped")

# How far a scan or record has come; `status` counts by these, the least advanced record deciding for its scan.
STATUS_STATES = (
    "received",
    "accessioned",
    "read",
    "described",
    "in_review",
    "indexed",
    "disposed",
    "refused",
    "duplicate",
    "waiting",
)
PROGRESS = {
    state: rank for rank, state in enumerate(("accessioned", "read", "in_review", "described", "indexed", "disposed"))
}

_IMAGE: dict[str, dict[str, tuple[tuple[str | None, str], ...]]] = {
    "batch_opened": {"bat": ((None, "open"),)},
    "batch_closed": {"bat": (("open", "closed"),)},
    "received": {"scn": ((None, "received"),)},
    "accessioned": {"scn": (("received", "accessioned"),)},
    "duplicate_found": {"scn": (("received", "duplicate"),)},
    "refused": {"scn": ((None, "refused"), ("received", "refused"))},
    "sealed": {"ori": ((None, "sealed"), ("sealed", "sealed"))},
    "abandoned": {"ori": (("sealed", "abandoned"),)},
    "stored": {"ori": (("sealed", "stored"),)},
    "registered": {"rec": ((None, "accessioned"),)},
    "read": {"rec": (("accessioned", "read"), ("read", "read"), ("described", "read"), ("in_review", "read"))},
    "described": {
        "rec": tuple((before, after) for before in ("read", "described", "in_review", "indexed")
                     for after in ("described", "in_review"))
    },
    "review_released": {"rec": (("in_review", "described"),)},
    "indexed": {"rec": (("described", "indexed"),)},
    "key_rotated": {"key": ((None, "current"),)},
    "key_retired": {"key": (("current", "retired"),)},
    "key_destroyed": {"key": (("retired", "destroyed"),), "ori": (("stored", "shredded"),)},
    "disposed": {
        "rec": tuple((before, "disposed") for before in ("accessioned", "read", "described", "in_review", "indexed")),
        "dsp": ((None, "disposed"),),
    },
    "erasure_effective": {"ori": (("shredded", "erased"),)},
}  # fmt: skip

_PAPER = desk_moves.rows()

# type -> subject kind -> legal (from, to), of the image and of the paper; types without a row here change no state.
TRANSITIONS: dict[str, dict[str, tuple[tuple[str | None, str], ...]]] = {
    event_type: {**_IMAGE.get(event_type, {}), **_PAPER.get(event_type, {})} for event_type in {**_IMAGE, **_PAPER}
}

# Types that record an act without moving the subject's state (reads among them: they are events too).
STATELESS = (
    "retention_set", "viewed", "exported", "printed", "search_hit_opened", "access_denied", "field_corrected",
    "field_confirmed", "key_released", "envelope_released", "fixity_checked", "processed", "key_rewrapped",
    "share_moved", "share_destroyed", "escrow_checked", "person_accredited", "role_granted", "role_revoked",
    "config_changed", "lock_probe", "waived", "correction", "incident", "seal_set", "seal_broken", "inventoried",
    "bound", "hold_set", "hold_released", "disposal_proposed", "disposal_approved", "disposal_refused",
    "object_removed", "checkpoint_timestamped", "qc_failed",
    "withdrawal_proposed", "withdrawal_approved", "withdrawal_refused", "pickup_changed",
    "check_held", "override_proposed", "override_approved", "override_refused", "field_keyed", "keying_settled",
    "sample_ordered", "value_sampled", "sample_closed",
    "signatures_checked",
)  # fmt: skip

# Types that later parts of the work use; the table of legal moves of each comes with its part.
RESERVED = (
    "rescanned", "qc_passed", "period_sealed",
)  # fmt: skip

EVENT_TYPES = (*TRANSITIONS, *STATELESS, *RESERVED)
_KNOWN = frozenset(EVENT_TYPES)


def check_transition(event_type: str, subject: str, before: str | None, after: str | None) -> None:
    """Refuse a move that the tables do not allow.

    Raises:
        LifecycleError: the type is unknown, or the move is not in its row.
    """
    kind = subject.partition("_")[0]
    if event_type in TRANSITIONS:
        if (before, after) not in TRANSITIONS[event_type].get(kind, ()):
            raise LifecycleError(f"{event_type}: {kind} may not go from {before} to {after}")
    elif event_type not in _KNOWN:
        raise LifecycleError(f"{event_type} is no event type")
    elif before is not None or after is not None:
        raise LifecycleError(f"{event_type} changes no state")
