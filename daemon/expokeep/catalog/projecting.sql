-- name: hurry
-- Until the end of the transaction. Where one has waited in vain, the others need not.
SELECT set_config('statement_timeout',
                  CASE WHEN EXISTS (SELECT FROM legacy_mark WHERE is_behind)
                       THEN '1s' ELSE '4s' END,
                  true);

-- name: project
-- What the trigger at the end of the transaction does, which then finds it done.
WITH tried AS (
    SELECT session.sid, legacy_try(session.sid, false, false) AS why
      FROM legacy
      JOIN session ON session.sid = %(session)s
     WHERE legacy.is_attached
)
INSERT INTO legacy_mark (sid, why, is_behind)
SELECT sid, why, why <> 'the app has deleted its row'
  FROM tried
 WHERE why IS NOT NULL;
