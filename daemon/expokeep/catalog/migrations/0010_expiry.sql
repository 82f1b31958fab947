-- Who was told that a build is about to go, and what it was counted from: once somebody
-- has come for it, it is told anew. A daemon of a schema before still works on this one.

CREATE TABLE expiry_warning (
    session      bigint PRIMARY KEY REFERENCES session ON DELETE CASCADE,
    last_used_at timestamptz NOT NULL,
    warned_at    timestamptz NOT NULL DEFAULT now()
);

-- Expiry counts from here: the last access, the beginning, or the last version.
CREATE FUNCTION last_used(wanted bigint) RETURNS timestamptz
LANGUAGE sql STABLE AS $$
    SELECT greatest(session.accessed_at, session.created_at,
                    (SELECT max(version.recorded_at)
                       FROM version
                      WHERE version.session = session.id))
      FROM session
     WHERE session.id = wanted
$$;

-- What never expires while it is so: what a person pinned, what sessions are begun with,
-- and what is lent as long as somebody may import it.
CREATE FUNCTION is_held(wanted bigint) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT
                     FROM version
                    WHERE version.session = wanted
                      AND version.pinned_at IS NOT NULL)
        OR EXISTS (SELECT
                     FROM template
                    WHERE template.session = wanted)
        OR EXISTS (SELECT
                     FROM shared
                    WHERE shared.session = wanted)
$$;
