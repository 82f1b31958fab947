-- name: configure
UPDATE legacy
   SET app_schema = %(app_schema)s,
       retention_days = %(retention_days)s,
       storage_base = %(storage_base)s,
       shows_tokens = %(shows_tokens)s
 WHERE (app_schema, retention_days, storage_base, shows_tokens)
       IS DISTINCT FROM
       (%(app_schema)s::text, %(retention_days)s::integer, %(storage_base)s::text,
        %(shows_tokens)s::boolean);

-- name: mark_all
INSERT INTO legacy_mark (sid, why)
SELECT session.sid, 'the settings say otherwise now'
  FROM legacy
 CROSS JOIN session
 WHERE legacy.is_attached
   AND session.deleted_at IS NULL
   AND session.head_seq IS NOT NULL;

-- name: find
-- By the names alone: a role that may not even look there finds nothing.
SELECT legacy.is_attached, legacy.found AS known, build.oid AS found,
       coalesce(has_schema_privilege(build.relnamespace, 'USAGE')
                AND has_table_privilege(build.oid, 'SELECT')
                AND has_table_privilege(build.oid, 'INSERT')
                AND has_table_privilege(build.oid, 'UPDATE')
                AND has_table_privilege(build.oid, 'DELETE')
                AND has_table_privilege(file.oid, 'SELECT')
                AND has_table_privilege(file.oid, 'INSERT')
                AND has_table_privilege(file.oid, 'UPDATE')
                AND has_table_privilege(file.oid, 'DELETE'), false) AS may_write,
       coalesce(has_table_privilege(build.oid, 'TRIGGER')
                AND has_table_privilege(file.oid, 'TRIGGER'), false) AS may_watch,
       (SELECT count(*)
          FROM pg_trigger AS one
          JOIN pg_proc ON pg_proc.oid = one.tgfoid
         WHERE one.tgrelid IN (build.oid, file.oid)
           AND pg_proc.pronamespace = current_schema()::regnamespace)::integer
           AS triggers
  FROM legacy
  LEFT JOIN pg_namespace AS place ON place.nspname = legacy.app_schema
  LEFT JOIN pg_class AS file
    ON file.relnamespace = place.oid
   AND file.relname = 'BuildFile'
   AND file.relkind IN ('r', 'p')
  LEFT JOIN pg_class AS build
    ON build.relnamespace = place.oid
   AND build.relname = 'BuildSession'
   AND build.relkind IN ('r', 'p')
   AND file.oid IS NOT NULL;

-- name: watch
SELECT legacy_attach();

-- name: unwatch
SELECT legacy_detach();

-- name: attach
UPDATE legacy
   SET is_attached = %(is_attached)s,
       has_triggers = %(has_triggers)s,
       found = coalesce(%(found)s::oid, found);

-- name: waits
SELECT legacy.is_attached AND legacy_waits() FROM legacy;

-- name: missing
SELECT legacy_missing();

-- name: is_too_much
SELECT legacy_is_too_much(%(going)s);

-- name: delete
-- What is still missing: whoever saved it meanwhile has it back. Never what new sessions
-- are begun with.
WITH gone AS (
    SELECT session.id
      FROM session
     WHERE session.sid IN (SELECT legacy_missing())
       AND session.sid = ANY (%(sessions)s::text[])
       AND session.deleted_at IS NULL
       AND NOT EXISTS (SELECT
                         FROM template
                        WHERE template.session = session.id)
     ORDER BY session.id
       FOR NO KEY UPDATE OF session SKIP LOCKED
)
UPDATE session
   SET deleted_at = now(),
       expired = false
  FROM gone
 WHERE session.id = gone.id
RETURNING session.sid;

-- name: undeletable
SELECT legacy_missing()
INTERSECT
SELECT session.sid
  FROM template
  JOIN session ON session.id = template.session;

-- name: marks
-- In any order: what cannot be mended must not stand before the rest for ever.
SELECT sid AS session, bool_or(is_behind) AS is_behind, min(at) AS since,
       (array_agg(why ORDER BY id))[1] AS why
  FROM legacy_mark
 GROUP BY sid
 ORDER BY random()
 LIMIT %(limit)s;

-- name: mark
INSERT INTO legacy_mark (sid, why)
SELECT wish.sid, %(why)s
  FROM unnest(%(sessions)s::text[]) AS wish (sid);

-- name: mark_unshared
INSERT INTO legacy_mark (sid, why)
SELECT session.sid, 'its last share is over'
  FROM legacy_row
  JOIN session ON session.id = legacy_row.session
 WHERE legacy_row.shared_until <= now()
   AND NOT EXISTS (SELECT
                     FROM legacy_mark
                    WHERE legacy_mark.sid = session.sid);

-- name: unmark
-- First of all in the transaction: what is marked after this may not be seen by it.
DELETE FROM legacy_mark
 WHERE sid = %(session)s;

-- name: project
SELECT legacy_try(%(session)s, true, %(put_back)s);

-- name: compare
SELECT legacy_compare();

-- name: refusals
UPDATE legacy
   SET refusals_told = wish.number
  FROM (SELECT legacy.refusals_told AS before,
               (SELECT CASE WHEN is_called THEN last_value ELSE 0 END
                  FROM legacy_refusal) AS number
          FROM legacy) AS wish
 WHERE wish.number > wish.before
RETURNING wish.number - wish.before;

-- name: refused
UPDATE legacy
   SET refused_at = now(),
       refused = %(what)s;

-- name: reveal
-- What only some may use, or who knows a word, is nobody's to see in a table.
INSERT INTO legacy_token (share, session, token)
SELECT share.id, share.session, %(token)s
  FROM share
 WHERE share.name = %(share)s
   AND NOT share.is_listed
   AND share.password IS NULL
ON CONFLICT (share) DO NOTHING;

-- name: standing
SELECT legacy.is_attached, legacy.has_triggers, legacy.refused, legacy.refused_at,
       behind.number AS behind, behind.since, behind.why
  FROM legacy
 CROSS JOIN LATERAL (SELECT count(DISTINCT sid)::integer AS number,
                            min(at) AS since, (array_agg(why ORDER BY id))[1] AS why
                       FROM legacy_mark
                      WHERE is_behind) AS behind;

-- name: app_schema
SELECT legacy.app_schema
  FROM legacy
  JOIN pg_namespace ON pg_namespace.nspname = legacy.app_schema;
