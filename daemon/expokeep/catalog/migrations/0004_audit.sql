-- Who destroyed something, or changed rights, and how that ended. Nothing refers to it
-- and it refers to nothing: it outlives what it tells of. A rebuild does not bring it
-- back; the log of the daemon says the same.

CREATE TABLE audit (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    host      text NOT NULL,
    uid       bigint NOT NULL CHECK (uid >= 0),
    username  text,
    action    text COLLATE "C" NOT NULL CHECK (action <> ''),
    subject   text,
    session   text COLLATE "C",
    details   jsonb NOT NULL DEFAULT '{}',
    -- NULL while it is under way, and for ever if the daemon was killed in it.
    ended_at  timestamptz,
    exit_code smallint,
    error     text,
    CHECK ((ended_at IS NULL) = (exit_code IS NULL))
);

CREATE INDEX audit_by_time ON audit (at);
CREATE INDEX audit_by_session ON audit (session, at) WHERE session IS NOT NULL;
