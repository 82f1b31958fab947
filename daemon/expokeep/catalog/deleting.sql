-- name: delete
-- Never what new sessions are begun with: whoever makes a template waits for this lock.
UPDATE session
   SET deleted_at = now(),
       expired = false
 WHERE sid = %(session)s
   AND (deleted_at IS NULL OR expired)
   AND NOT EXISTS (SELECT
                     FROM template
                    WHERE template.session = session.id);

-- name: undelete
-- Only what still has versions: a session that was purged does not come back.
UPDATE session
   SET deleted_at = NULL,
       expired = false,
       accessed_at = greatest(accessed_at, now())
 WHERE sid = %(session)s
   AND deleted_at IS NOT NULL
   AND EXISTS (SELECT
                 FROM version
                WHERE version.session = session.id);

-- name: deleted
SELECT session.sid AS session, session.owner, session.project_name,
       session.deleted_at, session.expired,
       (SELECT count(*)
          FROM version
         WHERE version.session = session.id)::integer AS versions,
       coalesce(head.size_bytes, 0) AS size_bytes, session.root_uid
  FROM session
  LEFT JOIN version AS head
    ON head.session = session.id
   AND head.seq = session.head_seq
 WHERE session.deleted_at IS NOT NULL
   AND (%(owner)s::text IS NULL OR session.owner = %(owner)s)
   AND (%(uid)s::bigint IS NULL OR session.root_uid = %(uid)s)
   AND EXISTS (SELECT
                 FROM version
                WHERE version.session = session.id)
 ORDER BY session.deleted_at DESC, session.sid
 LIMIT %(limit)s;

-- name: weight
SELECT (SELECT count(*)
          FROM version
          JOIN session ON session.id = version.session
         WHERE session.sid = %(session)s)::integer AS versions,
       count(*)::integer AS contents, coalesce(sum(size_bytes), 0)::bigint AS size_bytes
  FROM blob
 WHERE blob.id IN (SELECT entry.blob
                     FROM session
                     JOIN file_version AS entry ON entry.session = session.id
                    WHERE session.sid = %(session)s)
   AND NOT EXISTS (SELECT
                     FROM file_version AS other
                     JOIN session ON session.id = other.session
                    WHERE other.blob = blob.id
                      AND session.sid <> %(session)s);

-- name: expiring
-- By the clock of Postgres alone: what a host believes the time to be may be wrong. What
-- a person pinned is kept for ever, and what a host holds unrecorded is in use.
SELECT session.id, session.sid
  FROM session
 WHERE session.deleted_at IS NULL
   AND session.accessed_at < now() - %(days)s * interval '1 day'
   AND session.created_at < now() - %(days)s * interval '1 day'
   AND last_used(session.id) < now() - %(days)s * interval '1 day'
   AND NOT is_held(session.id)
   AND NOT EXISTS (SELECT
                     FROM unrecorded
                    WHERE unrecorded.sid = session.sid)
 ORDER BY session.id
 LIMIT %(limit)s
   FOR NO KEY UPDATE OF session SKIP LOCKED;

-- name: expire
UPDATE session
   SET deleted_at = now(),
       expired = true
 WHERE id = ANY (%(ids)s::bigint[]);

-- name: purgeable
-- From the later of the deletion and the last version that was recorded beneath it.
SELECT session.sid
  FROM session
 WHERE session.deleted_at < now() - %(grace_s)s * interval '1 second'
   AND EXISTS (SELECT
                 FROM version
                WHERE version.session = session.id)
   AND NOT EXISTS (SELECT
                     FROM version
                    WHERE version.session = session.id
                      AND version.recorded_at
                          > now() - %(grace_s)s * interval '1 second')
   AND NOT EXISTS (SELECT
                     FROM template
                    WHERE template.session = session.id)
   AND NOT EXISTS (SELECT
                     FROM unrecorded
                    WHERE unrecorded.sid = session.sid)
   AND (%(session)s::text IS NULL OR session.sid = %(session)s)
 ORDER BY session.deleted_at
 LIMIT %(limit)s;

-- name: behead
UPDATE session
   SET head_seq = NULL
 WHERE sid = %(session)s;

-- name: unlabel
DELETE FROM label
 USING session
 WHERE session.sid = %(session)s
   AND label.session = session.id;

-- name: drop_versions
DELETE FROM version
 USING session
 WHERE session.sid = %(session)s
   AND version.session = session.id;

-- name: drop_entries
DELETE FROM file_version
 USING session
 WHERE session.sid = %(session)s
   AND file_version.session = session.id;

-- name: drop_paths
DELETE FROM path
 USING session
 WHERE session.sid = %(session)s
   AND path.session = session.id;

-- name: drop_epochs
DELETE FROM epoch
 USING session
 WHERE session.sid = %(session)s
   AND epoch.session = session.id;

-- name: retire
-- Their grace is over: it ran while the session was deleted.
UPDATE pack
   SET state = 'retired',
       state_at = now() - %(spent_s)s * interval '1 second'
 WHERE id IN (SELECT pack.id
                FROM pack
                JOIN session ON session.id = pack.session
               WHERE session.sid = %(session)s
                 AND pack.state IN ('live', 'retired')
                 AND NOT is_needed(pack.id)
               ORDER BY pack.id
                 FOR NO KEY UPDATE OF pack SKIP LOCKED);

-- name: bury
-- The last that is left of a session, once no object of it is left.
DELETE FROM session
 WHERE id IN (SELECT session.id
                FROM session
               WHERE session.deleted_at IS NOT NULL
                 AND session.head_seq IS NULL
                 AND NOT EXISTS (SELECT
                                   FROM pack
                                  WHERE pack.session = session.id)
                 AND NOT EXISTS (SELECT
                                   FROM version
                                  WHERE version.session = session.id)
                 AND NOT EXISTS (SELECT
                                   FROM epoch
                                  WHERE epoch.session = session.id)
                 FOR UPDATE SKIP LOCKED);
