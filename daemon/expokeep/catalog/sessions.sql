-- name: add_scope
INSERT INTO scope (name)
SELECT %(scope)s
 WHERE NOT EXISTS (SELECT FROM scope WHERE name = %(scope)s)
ON CONFLICT (name) DO NOTHING;

-- name: add
INSERT INTO session (sid, scope, owner, root_uid, root_gid, root_mode)
SELECT %(session)s, scope.id, %(owner)s, %(uid)s, %(gid)s, %(mode)s
  FROM scope
 WHERE scope.name = %(scope)s
ON CONFLICT (sid) DO NOTHING;

-- name: lock
-- Everything that changes a session takes this lock first, so that what is read after
-- it still is so when we write. Other sessions and all readers pass.
SELECT
  FROM session
 WHERE sid = %(session)s
   FOR NO KEY UPDATE;

-- name: claim
UPDATE session
   SET host = %(host)s,
       fence = fence + 1
 WHERE sid = %(session)s
   AND host IS NULL
   AND last_seq = 0;

-- name: take
-- The fence counts changes of the owning host. To take what one has changes nothing.
UPDATE session
   SET host = %(host)s,
       fence = fence + 1
 WHERE sid = %(session)s
   AND host IS DISTINCT FROM %(host)s;

-- name: abandon
-- Hidden, and with its next version it comes back, whosoever makes that.
UPDATE session
   SET deleted_at = now(),
       expired = true
 WHERE sid = %(session)s
   AND last_seq = 0;

-- name: own
UPDATE session
   SET owner = %(owner)s
 WHERE sid = %(session)s
   AND owner IS NULL;

-- name: holder
SELECT host.id, host.name, host.lease_until > clock_timestamp() AS alive
  FROM session
  JOIN host ON host.id = session.host
 WHERE session.sid = %(session)s;

-- name: take_number
-- What expired comes back with its next version; what a person deleted, only when a
-- person saves it. Neither does while its owner has no room for it.
-- The compare-and-set that everything hangs on. The row is locked by now, so this
-- cannot miss; should it, then nobody's version is overwritten.
UPDATE session
   SET last_seq = %(seq)s,
       head_seq = CASE WHEN %(moves_head)s THEN %(seq)s ELSE head_seq END,
       project_name = coalesce(%(project_name)s, project_name),
       root_uid = coalesce(%(uid)s, root_uid),
       root_gid = coalesce(%(gid)s, root_gid),
       root_mode = coalesce(%(mode)s, root_mode),
       accessed_at = greatest(accessed_at, %(taken_at)s),
       deleted_at = CASE WHEN (expired AND NOT %(is_over)s) OR %(is_asked)s THEN NULL
                         ELSE deleted_at END,
       expired = expired AND %(is_over)s
 WHERE sid = %(session)s
   AND last_seq = %(seq)s - 1
   AND (fence = %(fence)s OR NOT %(moves_head)s);

-- name: matching
-- Every character of an id sorts before `~`, so this is the range of the prefix.
SELECT sid
  FROM session
 WHERE sid >= %(prefix)s
   AND sid < %(prefix)s || '~'
   AND (deleted_at IS NULL
        OR (%(deleted_too)s AND sid = %(prefix)s))
 ORDER BY sid
 LIMIT %(limit)s;

-- name: rows
SELECT session.sid AS session, session.owner, session.project_name,
       host.name AS host, session.last_seq, session.head_seq,
       coalesce(head.file_count, 0) AS file_count,
       coalesce(head.size_bytes, 0) AS size_bytes,
       session.created_at, head.taken_at AS saved_at, session.accessed_at,
       (SELECT count(*)
          FROM version
         WHERE version.session = session.id
           AND version.parked IS NOT NULL)::integer AS parked_count,
       session.root_uid, session.host AS host_id,
       coalesce(host.lease_until > clock_timestamp(), false) AS host_is_alive
  FROM session
  LEFT JOIN host ON host.id = session.host
  LEFT JOIN version AS head
    ON head.session = session.id
   AND head.seq = session.head_seq
 WHERE (%(owner)s::text IS NULL OR session.owner = %(owner)s)
   AND (%(uid)s::bigint IS NULL OR session.root_uid = %(uid)s)
   AND session.sid >= %(prefix)s
   AND session.sid < %(prefix)s || '~'
   AND session.deleted_at IS NULL
 ORDER BY session.accessed_at DESC, session.sid
 LIMIT %(limit)s;

-- name: one
-- A query of its own, by the index: nearly every request asks whose a session is.
SELECT session.sid AS session, session.owner, session.project_name,
       host.name AS host, session.last_seq, session.head_seq,
       coalesce(head.file_count, 0) AS file_count,
       coalesce(head.size_bytes, 0) AS size_bytes,
       session.created_at, head.taken_at AS saved_at, session.accessed_at,
       (SELECT count(*)
          FROM version
         WHERE version.session = session.id
           AND version.parked IS NOT NULL)::integer AS parked_count,
       session.root_uid, session.host AS host_id,
       coalesce(host.lease_until > clock_timestamp(), false) AS host_is_alive
  FROM session
  LEFT JOIN host ON host.id = session.host
  LEFT JOIN version AS head
    ON head.session = session.id
   AND head.seq = session.head_seq
 WHERE session.sid = %(session)s
   AND (session.deleted_at IS NULL OR %(deleted_too)s);

-- name: describe
UPDATE session
   SET owner = coalesce(%(owner)s, owner),
       project_name = coalesce(%(project_name)s, project_name)
 WHERE sid = %(session)s;

-- name: move_head
-- Returns the head that was, under the row lock that commits of the session take too.
WITH before AS (
    SELECT id, head_seq
      FROM session
     WHERE sid = %(session)s
       FOR NO KEY UPDATE
)
UPDATE session
   SET head_seq = %(seq)s
  FROM before
 WHERE session.id = before.id
RETURNING before.head_seq;

-- name: touch
-- Retention counts from here: a clock that is ahead by a year must not stop it.
UPDATE session
   SET accessed_at = greatest(accessed_at, least(%(at)s, clock_timestamp()))
 WHERE sid = %(session)s;
