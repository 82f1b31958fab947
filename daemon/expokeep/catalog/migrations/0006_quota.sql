-- How much may be kept of a user, where it differs from what the settings of the daemons
-- say. NULL: as they say. A team is a user like any other.
--
-- A daemon of schema 4 still works on this one: nothing that it writes needs more.

CREATE TABLE quota (
    owner      text PRIMARY KEY CHECK (owner <> ''),
    max_builds integer CHECK (max_builds >= 0),
    max_bytes  bigint CHECK (max_bytes >= 0),
    set_at     timestamptz NOT NULL DEFAULT now()
);
