-- name: begin
-- Old acts go as new ones come: nothing here grows for ever.
WITH old AS (
    DELETE FROM audit
     WHERE id IN (SELECT id
                    FROM audit
                   WHERE at < now() - interval '400 days'
                   ORDER BY at
                   LIMIT 100)
)
INSERT INTO audit (host, uid, username, action, subject, session, details)
VALUES (%(host)s, %(uid)s, %(username)s, %(action)s, %(subject)s, %(session)s,
        %(details)s::jsonb)
RETURNING id;

-- name: end
UPDATE audit
   SET ended_at = clock_timestamp(),
       exit_code = %(exit_code)s,
       error = %(error)s,
       session = coalesce(session, %(answered)s::jsonb ->> 'session'),
       details = %(answered)s::jsonb - 'session' || details
 WHERE id = %(id)s
   AND ended_at IS NULL;

-- name: acts
SELECT id, at, host, uid, username, action, subject, session, details, ended_at,
       exit_code, error
  FROM audit
 WHERE (%(session)s::text IS NULL OR session = %(session)s)
   AND (%(since)s::timestamptz IS NULL OR at >= %(since)s)
 ORDER BY at DESC, id DESC
 LIMIT %(limit)s;
