"""An entry of the audit trail, and how entries are chained. No I/O.

The text of an entry is JSON with its number and its fields in the order below, and its hash is the SHA-256 of
the hash before it and that text. So whoever has the entries can compute every hash anew, and none can be
changed, left out or put in between without all that follow being other ones.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

#: What the first entry is chained to.
GENESIS = bytes(32)
#: Who acts where no person does, and from where.
SERVER, INSIDE = "wf-server", "server"
#: From where edits of es.json come.
IN_FILE = "file"
#: Where whoever works on the server's own machine acts from.
COMMAND_LINE = "command line"


class Act(StrEnum):
    """What was done, or refused, beside the names of other RPCs; the values are how it is spelt."""

    BEGAN = "audit began"
    SUBMIT = "submit"
    EXECUTE = "execute"
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    RELEASE = "release"
    RESOLVE = "resolve"
    APPROVE = "approve"
    REJECT = "reject"
    WITHDRAW = "withdraw approval"
    ENDED = "workflow ended"
    REMOVED = "workflow removed"
    REJECTION_REMOVED = "rejection removed"
    STOP_ENGAGED = "stop engaged"
    STOP_RELEASED = "stop released"
    KEY_TURNED = "release key turned"
    KEY_WITHDRAWN = "release key withdrawn"
    POLICIES = "policies in force"
    OPERATOR_ADDED = "operator added"
    OPERATOR_REVOKED = "operator revoked"
    TOKEN_ADDED = "token added"  # noqa: S105 - what was done
    TOKEN_REVOKED = "token revoked"  # noqa: S105 - what was done
    STARTED = "server started"
    DRAINING = "server draining"
    STOPPED = "server stopped"


class Outcome(StrEnum):
    """What became of an act; of a workflow that ended it is its status in words."""

    DONE = "done"
    #: Nothing was changed, because it is not allowed or makes no sense.
    REFUSED = "refused"
    #: It could not be carried out, though nobody forbade it.
    FAILED = "failed"


class AuditEntry(NamedTuple):
    """Who did what, from where, why, and what became of it."""

    #: Microseconds since 1970-01-01 UTC.
    time_us: int
    who: str
    #: How the caller came in and from which address: `token 10.0.0.7:41000`.
    source: str
    what: str
    #: The workflow type that it was about; empty: none.
    workflow_type: str = ""
    #: The id or the name of what it was about.
    target: str = ""
    #: The reason that was given.
    why: str = ""
    outcome: str = Outcome.DONE
    #: What there is to say of the outcome.
    told: str = ""
    #: A SHA-256 in hexadecimal digits: of a workflow's history up to this entry, of a record, or of a
    #: refused request.
    digest: str = ""
    #: How many such acts it stands for: refusals that come again and again are counted.
    times: int = 1
    #: The database's own number of the workflow; 0: it is about none.
    workflow: int = 0
    #: The database's own number of the rejection, or of the change of a stop; 0: it is about none.
    record: int = 0


def entry_text(seq: int, entry: AuditEntry) -> str:
    """What is hashed of an entry with that number."""
    return json.dumps({"seq": seq, **entry._asdict()}, ensure_ascii=False, separators=(",", ":"))


def chained(previous: bytes, text: str) -> bytes:
    """The hash of a text that follows what has the hash `previous`."""
    return hashlib.sha256(previous + text.encode()).digest()


@dataclass(frozen=True, slots=True)
class Link:
    """An entry in its place in the chain."""

    seq: int
    entry: AuditEntry
    hash: bytes
    #: The hash of the entry before; empty: that one is missing.
    previous: bytes


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """Which entries are asked for; what is empty or 0 asks for all."""

    text: str = ""
    who: str = ""
    what: str = ""
    outcome: str = ""
    target: str = ""
    since_us: int = 0
    until_us: int = 0


@dataclass(frozen=True, slots=True)
class EntryPage:
    """Some entries, where the next page begins (0: there is none), and the newest entry there is."""

    links: tuple[Link, ...]
    next: int
    head_seq: int
    head_hash: bytes
