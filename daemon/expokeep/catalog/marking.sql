-- name: labelled
SELECT label.seq
  FROM session
  JOIN label
    ON label.session = session.id
   AND label.name = %(name)s
 WHERE session.sid = %(session)s;

-- name: label
-- The row is there or not, but never without a version: under the lock of the session no
-- version can be forgotten meanwhile.
INSERT INTO label (session, name, seq)
SELECT session.id, %(name)s, version.seq
  FROM session
  JOIN version
    ON version.session = session.id
   AND version.seq = %(seq)s
 WHERE session.sid = %(session)s
ON CONFLICT (session, name) DO UPDATE
   SET seq = excluded.seq,
       labelled_at = now();

-- name: unlabel
DELETE FROM label
 USING session
 WHERE session.sid = %(session)s
   AND label.session = session.id
   AND label.name = %(name)s
RETURNING label.seq;

-- name: pin
UPDATE version
   SET pinned = %(is_pinned)s,
       pinned_at = CASE WHEN %(is_pinned)s THEN now() END
  FROM session
 WHERE session.sid = %(session)s
   AND version.session = session.id
   AND version.seq = %(seq)s;
