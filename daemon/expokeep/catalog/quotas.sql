-- name: lock_user
-- Whoever adds to what a user has comes one after the other; whoever takes away need not.
SELECT pg_advisory_xact_lock(
           hashtextextended(current_schema() || ' quota ' || %(user)s, 0));

-- name: standing
-- Read in a statement after the lock, so that it sees what the one before us has added.
SELECT wanted.name AS user,
       count(session.id)::integer AS builds,
       coalesce(sum(head.size_bytes), 0)::bigint AS size_bytes,
       min(quota.max_builds) AS max_builds, min(quota.max_bytes) AS max_bytes
  FROM (VALUES (%(user)s::text)) AS wanted (name)
  LEFT JOIN quota ON quota.owner = wanted.name
  LEFT JOIN session
    ON session.owner = wanted.name
   AND session.head_seq IS NOT NULL
   AND session.deleted_at IS NULL
   AND session.sid <> %(session)s
  LEFT JOIN version AS head
    ON head.session = session.id
   AND head.seq = session.head_seq
 GROUP BY wanted.name;

-- name: evict
-- Those that were used longest ago. What a person pinned stays, and what a host has not
-- recorded yet is in use.
UPDATE session
   SET deleted_at = now(),
       expired = false
 WHERE id IN (SELECT session.id
                FROM session
               WHERE session.owner = %(user)s
                 AND session.sid <> %(session)s
                 AND session.head_seq IS NOT NULL
                 AND session.deleted_at IS NULL
                 AND NOT is_held(session.id)
                 AND NOT EXISTS (SELECT
                                   FROM unrecorded
                                  WHERE unrecorded.sid = session.sid)
               ORDER BY session.accessed_at, session.id
               LIMIT %(count)s
                 FOR NO KEY UPDATE SKIP LOCKED)
RETURNING sid;

-- name: build
SELECT session.owner, session.head_seq IS NOT NULL AS has_head,
       session.deleted_at IS NOT NULL AS is_deleted,
       coalesce(head.size_bytes, 0)::bigint AS size_bytes
  FROM session
  LEFT JOIN version AS head
    ON head.session = session.id
   AND head.seq = session.head_seq
 WHERE session.sid = %(session)s
   FOR NO KEY UPDATE OF session;

-- name: say
INSERT INTO quota (owner, max_builds, max_bytes)
VALUES (%(user)s, %(max_builds)s, %(max_bytes)s)
ON CONFLICT (owner) DO UPDATE
   SET max_builds = excluded.max_builds,
       max_bytes = excluded.max_bytes,
       set_at = now();

-- name: said
SELECT owner AS user, max_builds, max_bytes
  FROM quota
 WHERE owner = %(user)s;

-- name: usage
SELECT named.owner AS user,
       count(session.id) FILTER (WHERE session.head_seq IS NOT NULL)::integer AS builds,
       coalesce(sum(head.size_bytes), 0)::bigint AS size_bytes,
       min(quota.max_builds) AS max_builds, min(quota.max_bytes) AS max_bytes,
       count(session.id) FILTER (
           WHERE starts_with(newest.parked, %(over)s))::integer AS waiting
  FROM (SELECT owner FROM quota
         UNION
        SELECT owner FROM session
         WHERE owner IS NOT NULL AND deleted_at IS NULL
         UNION
        SELECT %(user)s::text WHERE %(user)s::text IS NOT NULL) AS named
  LEFT JOIN quota ON quota.owner = named.owner
  LEFT JOIN session
    ON session.owner = named.owner
   AND session.deleted_at IS NULL
  LEFT JOIN version AS head
    ON head.session = session.id
   AND head.seq = session.head_seq
  LEFT JOIN version AS newest
    ON newest.session = session.id
   AND newest.seq = session.last_seq
 WHERE (%(user)s::text IS NULL OR named.owner = %(user)s)
   AND named.owner > %(after)s
 GROUP BY named.owner
 ORDER BY named.owner
 LIMIT %(limit)s;
