-- name: create
-- Under the lock of the session: what is lent cannot be forgotten meanwhile. Repeated,
-- because an answer was lost, it changes nothing.
INSERT INTO share (name, token, pepper, session, seq, looked_at_seq, secrets_allowed,
                   password, max_uses, is_listed, created_by, expires_at)
SELECT %(name)s, %(token)s, %(pepper)s, session.id, %(seq)s, %(looked_at_seq)s,
       %(secrets_allowed)s, %(password)s, %(max_uses)s, %(is_listed)s, %(created_by)s,
       now() + %(expires_s)s * interval '1 second'
  FROM session
  JOIN version
    ON version.session = session.id
   AND version.seq = coalesce(%(seq)s::integer, session.head_seq)
 WHERE session.sid = %(session)s
   AND session.deleted_at IS NULL
    ON CONFLICT (token) DO UPDATE
   SET token = excluded.token;

-- name: admit
INSERT INTO share_user (share, name)
SELECT share.id, who.name
  FROM share
 CROSS JOIN unnest(%(users)s::text[]) AS who (name)
 WHERE share.name = %(name)s
    ON CONFLICT DO NOTHING;

-- name: door
-- One look at all that decides, whoever asks: unknown tokens cost the same.
SELECT share.name, session.sid AS session, version.seq,
       CASE WHEN share.revoked_at IS NOT NULL THEN 'revoked'
            WHEN share.expires_at <= now() THEN 'expired'
            WHEN share.uses >= share.max_uses THEN 'used_up'
            WHEN session.deleted_at IS NOT NULL OR version.seq IS NULL THEN 'gone'
            ELSE 'live' END AS state,
       NOT share.is_listed
       OR EXISTS (SELECT
                    FROM share_user
                   WHERE share_user.share = share.id
                     AND share_user.name = %(user)s) AS is_for_them,
       share.wrong_count >= %(most_wrong)s
       AND share.wrong_since > now() - %(wrong_within_s)s * interval '1 second'
           AS is_locked,
       share.password,
       NOT share.secrets_allowed
       AND share.looked_at_seq IS DISTINCT FROM version.seq AS must_look,
       session.project_name, version.file_count, version.size_bytes, share.expires_at,
       share.max_uses - share.uses AS uses_left
  FROM share
  JOIN session ON session.id = share.session
  LEFT JOIN version
    ON version.session = session.id
   AND version.seq = coalesce(share.seq, session.head_seq)
 WHERE share.token = %(token)s;

-- name: note_look
UPDATE share
   SET looked_at_seq = %(seq)s
 WHERE name = %(name)s;

-- name: reserve
-- The one statement that counts. Whoever comes second waits for the row of the first, and
-- then all of this is looked at again. Repeated, because an answer was lost, it counts
-- nothing, and tells of the use that there is.
WITH counted AS (
    UPDATE share
       SET uses = share.uses + 1
      FROM session
     WHERE share.token = %(token)s
       AND session.id = share.session
       AND session.deleted_at IS NULL
       AND share.revoked_at IS NULL
       AND share.expires_at > now()
       AND (share.max_uses IS NULL OR share.uses < share.max_uses)
       AND (NOT share.is_listed
            OR EXISTS (SELECT
                         FROM share_user
                        WHERE share_user.share = share.id
                          AND share_user.name = %(user)s))
       AND EXISTS (SELECT
                     FROM version
                    WHERE version.session = session.id
                      AND version.seq = %(seq)s
                      AND version.seq = coalesce(share.seq, session.head_seq))
       AND NOT EXISTS (SELECT
                         FROM share_use
                        WHERE share_use.pack = %(pack)s)
 RETURNING share.id, share.name, session.sid, session.root_mode
), noted AS (
    INSERT INTO share_use (share, user_name, uid, host, seq, session, pack)
    SELECT counted.id, %(user)s, %(uid)s, %(host)s, %(seq)s, %(session)s, %(pack)s
      FROM counted
 RETURNING id
)
SELECT noted.id, counted.name AS share, counted.sid AS session, %(seq)s::integer AS seq,
       counted.root_mode
  FROM counted, noted
 UNION ALL
SELECT share_use.id, share.name, session.sid, share_use.seq, session.root_mode
  FROM share_use
  JOIN share ON share.id = share_use.share
  JOIN session ON session.id = share.session
 WHERE share_use.pack = %(pack)s
   AND share_use.settled_at IS NULL;

-- name: settle
-- What is imported counts as used: its retention begins anew.
WITH settled AS (
    UPDATE share_use
       SET outcome = 'imported',
           settled_at = now()
     WHERE id = %(use)s
       AND settled_at IS NULL
 RETURNING share
)
UPDATE session
   SET accessed_at = greatest(session.accessed_at, now())
  FROM settled
  JOIN share ON share.id = settled.share
 WHERE session.id = share.session;

-- name: give_back
-- Unless it came true after all, and only the answer was lost: then it will be settled.
WITH given AS (
    UPDATE share_use
       SET outcome = 'given_back',
           settled_at = now()
     WHERE id = %(use)s
       AND settled_at IS NULL
       AND NOT EXISTS (SELECT
                         FROM version
                        WHERE version.pack = share_use.pack)
 RETURNING share
)
UPDATE share
   SET uses = share.uses - 1
  FROM given
 WHERE share.id = given.share;

-- name: settle_found
-- Of imports that were cut short: those that came to something.
WITH settled AS (
    UPDATE share_use
       SET outcome = 'imported',
           settled_at = now()
     WHERE settled_at IS NULL
       AND EXISTS (SELECT
                     FROM version
                    WHERE version.pack = share_use.pack)
 RETURNING share
)
UPDATE session
   SET accessed_at = greatest(session.accessed_at, now())
  FROM settled
  JOIN share ON share.id = settled.share
 WHERE session.id = share.session;

-- name: give_back_lost
-- And those of which nothing can come any more: their host is alive, and says that it
-- holds nothing of the session; or it is away for longer than anything is kept for it.
WITH given AS (
    UPDATE share_use
       SET outcome = 'given_back',
           settled_at = now()
      FROM host
     WHERE share_use.settled_at IS NULL
       AND host.id = share_use.host
       AND share_use.used_at < now() - %(after_s)s * interval '1 second'
       AND (host.lease_until > now()
            OR host.lease_until < now() - %(grace_s)s * interval '1 second')
       AND NOT EXISTS (SELECT
                         FROM unrecorded
                        WHERE unrecorded.host = share_use.host
                          AND unrecorded.sid = share_use.session)
       AND NOT EXISTS (SELECT
                         FROM version
                        WHERE version.pack = share_use.pack)
 RETURNING share_use.share
), counts AS (
    SELECT share, count(*)::integer AS count
      FROM given
     GROUP BY share
)
UPDATE share
   SET uses = share.uses - counts.count
  FROM counts
 WHERE share.id = counts.share;

-- name: refuse
INSERT INTO share_refusal (share, reason, last_user)
SELECT share.id, %(reason)s, %(user)s
  FROM share
 WHERE share.name = %(name)s
    ON CONFLICT (share, reason) DO UPDATE
   SET count = share_refusal.count + 1,
       last_at = now(),
       last_user = excluded.last_user;

-- name: count_wrong
UPDATE share
   SET wrong_count = CASE WHEN wrong_since > now() - %(within_s)s * interval '1 second'
                          THEN wrong_count + 1
                          ELSE 1 END,
       wrong_since = CASE WHEN wrong_since > now() - %(within_s)s * interval '1 second'
                          THEN wrong_since
                          ELSE now() END
 WHERE name = %(name)s;

-- name: rows
SELECT share.name, session.sid AS session, session.owner, session.project_name,
       session.root_uid, share.seq,
       CASE WHEN share.revoked_at IS NOT NULL THEN 'revoked'
            WHEN share.expires_at <= now() THEN 'expired'
            WHEN share.uses >= share.max_uses THEN 'used_up'
            WHEN session.deleted_at IS NOT NULL OR version.seq IS NULL THEN 'gone'
            ELSE 'live' END AS state,
       share.password IS NOT NULL AS has_password,
       CASE WHEN share.is_listed
            THEN ARRAY(SELECT share_user.name
                         FROM share_user
                        WHERE share_user.share = share.id
                        ORDER BY share_user.name) END AS users,
       share.max_uses, share.uses, share.secrets_allowed,
       share.pepper = %(pepper)s::bytea AS is_known_here, share.created_at,
       share.created_by, share.expires_at, share.revoked_at, share.revoked_by,
       (SELECT max(share_use.used_at)
          FROM share_use
         WHERE share_use.share = share.id
           AND share_use.outcome = 'imported') AS used_at
  FROM share
  JOIN session ON session.id = share.session
  LEFT JOIN version
    ON version.session = session.id
   AND version.seq = coalesce(share.seq, session.head_seq)
 WHERE (%(name)s::text IS NULL OR share.name = %(name)s)
   AND (%(token)s::bytea IS NULL OR share.token = %(token)s)
   AND (%(session)s::text IS NULL OR session.sid = %(session)s)
   AND (%(owner)s::text IS NULL OR session.owner = %(owner)s)
   AND (%(uid)s::bigint IS NULL OR session.root_uid = %(uid)s)
   AND (%(all)s
        OR (share.revoked_at IS NULL
            AND share.expires_at > now()
            AND (share.max_uses IS NULL OR share.uses < share.max_uses)
            AND session.deleted_at IS NULL
            AND version.seq IS NOT NULL))
 ORDER BY share.created_at DESC, share.id DESC
 LIMIT %(limit)s;

-- name: revoke
UPDATE share
   SET revoked_at = now(),
       revoked_by = %(by)s
 WHERE name = ANY (%(names)s::text[])
   AND revoked_at IS NULL
RETURNING name;

-- name: uses
SELECT share_use.used_at, share_use.user_name AS user, share_use.uid, share_use.seq,
       share_use.session, share_use.outcome, share_use.settled_at
  FROM share_use
  JOIN share ON share.id = share_use.share
 WHERE share.name = %(name)s
 ORDER BY share_use.id DESC
 LIMIT %(limit)s;

-- name: refusals
SELECT share_refusal.reason, share_refusal.count, share_refusal.last_at,
       share_refusal.last_user
  FROM share_refusal
  JOIN share ON share.id = share_refusal.share
 WHERE share.name = %(name)s
 ORDER BY share_refusal.reason;

-- name: top
SELECT session.sid AS session, session.owner, session.project_name,
       count(*)::integer AS shares,
       coalesce(sum(used.imported), 0)::bigint AS imported,
       coalesce(sum(used.given_back), 0)::bigint AS given_back,
       coalesce(sum(refused.count), 0)::bigint AS refused,
       max(used.last_at) AS last_at
  FROM share
  JOIN session ON session.id = share.session
 CROSS JOIN LATERAL (
           SELECT count(*) FILTER (WHERE share_use.outcome = 'imported') AS imported,
                  count(*) FILTER (WHERE share_use.outcome = 'given_back') AS given_back,
                  max(share_use.used_at)
                      FILTER (WHERE share_use.outcome = 'imported') AS last_at
             FROM share_use
            WHERE share_use.share = share.id) AS used
 CROSS JOIN LATERAL (
           SELECT sum(share_refusal.count) AS count
             FROM share_refusal
            WHERE share_refusal.share = share.id) AS refused
 WHERE (%(owner)s::text IS NULL OR session.owner = %(owner)s)
   AND (%(uid)s::bigint IS NULL OR session.root_uid = %(uid)s)
 GROUP BY session.id
 ORDER BY imported DESC, session.sid
 LIMIT %(limit)s;

-- name: strange
SELECT count(*)::integer
  FROM share
 WHERE pepper <> %(pepper)s
   AND revoked_at IS NULL
   AND expires_at > now()
   AND (max_uses IS NULL OR uses < max_uses);
