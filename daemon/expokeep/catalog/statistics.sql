-- name: total
-- What is on its way out is stored until it is deleted; an intent may not be there yet.
SELECT (SELECT count(*) FROM session WHERE deleted_at IS NULL)::integer AS sessions,
       (SELECT count(*) FROM session WHERE deleted_at IS NOT NULL)::integer
       AS deleted_sessions,
       told.versions, told.logical_bytes, now_there.head_bytes,
       held.contents, held.distinct_bytes,
       stored.objects, stored.stored_bytes, stored.going_bytes,
       done.saves, done.restores, done.active_sessions, done.restored_sessions,
       done.counted_since
  FROM (SELECT count(*) AS versions, coalesce(sum(size_bytes), 0)::bigint
               AS logical_bytes
          FROM version) AS told,
       (SELECT coalesce(sum(version.size_bytes), 0)::bigint AS head_bytes
          FROM session
          JOIN version
            ON version.session = session.id
           AND version.seq = session.head_seq
         WHERE session.deleted_at IS NULL) AS now_there,
       (SELECT count(*) AS contents, coalesce(sum(size_bytes), 0)::bigint
               AS distinct_bytes
          FROM blob) AS held,
       (SELECT count(*) AS objects, coalesce(sum(size_bytes), 0)::bigint
               AS stored_bytes,
               coalesce(sum(size_bytes) FILTER (WHERE state <> 'live'), 0)::bigint
               AS going_bytes
          FROM pack
         WHERE state <> 'uploading') AS stored,
       (SELECT coalesce(sum(saves), 0)::bigint AS saves,
               coalesce(sum(restores), 0)::bigint AS restores,
               count(DISTINCT sid)::integer AS active_sessions,
               (count(DISTINCT sid) FILTER (WHERE restores > 0))::integer
               AS restored_sessions,
               min(day) AS counted_since
          FROM activity_day) AS done;

-- name: by_user
-- What is stored counts for whoever brought it first, so that the sums are right.
WITH did AS (
    SELECT session.owner, sum(activity_day.saves)::bigint AS saves,
           sum(activity_day.restores)::bigint AS restores,
           min(activity_day.day) AS first_day
      FROM activity_day
      JOIN session ON session.sid = activity_day.sid
     GROUP BY session.owner
), kept AS (
    SELECT session.owner,
           (count(*) FILTER (WHERE session.deleted_at IS NULL))::integer AS sessions,
           coalesce(sum(told.versions), 0)::bigint AS versions,
           coalesce(sum(head.size_bytes) FILTER (WHERE session.deleted_at IS NULL),
                    0)::bigint AS head_bytes,
           coalesce(sum(told.logical_bytes), 0)::bigint AS logical_bytes,
           coalesce(sum(stored.stored_bytes), 0)::bigint AS stored_bytes
      FROM session
      LEFT JOIN version AS head
        ON head.session = session.id
       AND head.seq = session.head_seq
      LEFT JOIN (SELECT session, count(*) AS versions,
                        sum(size_bytes) AS logical_bytes
                   FROM version
                  GROUP BY session) AS told
        ON told.session = session.id
      LEFT JOIN (SELECT session, sum(size_bytes) AS stored_bytes
                   FROM pack
                  WHERE state <> 'uploading'
                  GROUP BY session) AS stored
        ON stored.session = session.id
     GROUP BY session.owner
)
SELECT kept.owner AS user, kept.sessions, kept.versions, kept.head_bytes,
       kept.logical_bytes, kept.stored_bytes, coalesce(did.saves, 0) AS saves,
       coalesce(did.restores, 0) AS restores,
       coalesce(did.saves::double precision
                / ((clock_timestamp() AT TIME ZONE 'UTC')::date - did.first_day + 1), 0)
       AS saves_per_day
  FROM kept
  LEFT JOIN did ON did.owner IS NOT DISTINCT FROM kept.owner
 ORDER BY CASE WHEN %(logical)s THEN kept.logical_bytes
               ELSE kept.stored_bytes END DESC, kept.owner
 LIMIT %(limit)s;

-- name: by_session
SELECT session.sid AS session, session.owner AS user,
       session.deleted_at IS NOT NULL AS is_deleted,
       coalesce(told.versions, 0) AS versions,
       coalesce(head.size_bytes, 0) AS head_bytes,
       coalesce(told.logical_bytes, 0) AS logical_bytes,
       coalesce(stored.stored_bytes, 0) AS stored_bytes,
       coalesce(did.saves, 0) AS saves, coalesce(did.restores, 0) AS restores
  FROM session
  LEFT JOIN version AS head
    ON head.session = session.id
   AND head.seq = session.head_seq
  LEFT JOIN (SELECT session, count(*) AS versions,
                    sum(size_bytes)::bigint AS logical_bytes
               FROM version
              GROUP BY session) AS told
    ON told.session = session.id
  LEFT JOIN (SELECT session, sum(size_bytes)::bigint AS stored_bytes
               FROM pack
              WHERE state <> 'uploading'
              GROUP BY session) AS stored
    ON stored.session = session.id
  LEFT JOIN (SELECT sid, sum(saves)::bigint AS saves, sum(restores)::bigint AS restores
               FROM activity_day
              GROUP BY sid) AS did
    ON did.sid = session.sid
 ORDER BY CASE WHEN %(logical)s THEN told.logical_bytes
               ELSE stored.stored_bytes END DESC NULLS LAST, session.sid
 LIMIT %(limit)s;

-- name: by_day
WITH did AS (
    SELECT activity_day.day, sum(activity_day.saves)::bigint AS saves,
           sum(activity_day.restores)::bigint AS restores, count(*)::integer AS sessions,
           count(DISTINCT session.owner)::integer AS users
      FROM activity_day
      LEFT JOIN session ON session.sid = activity_day.sid
     GROUP BY activity_day.day
), asked AS (
    SELECT day, sum(class_a)::bigint AS class_a, sum(class_b)::bigint AS class_b,
           sum(sent_bytes)::bigint AS sent_bytes,
           sum(received_bytes)::bigint AS received_bytes
      FROM usage_day
     GROUP BY day
)
SELECT day, coalesce(did.users, 0) AS users, coalesce(did.sessions, 0) AS sessions,
       coalesce(did.saves, 0) AS saves, coalesce(did.restores, 0) AS restores,
       coalesce(asked.class_a, 0) AS class_a, coalesce(asked.class_b, 0) AS class_b,
       coalesce(asked.sent_bytes, 0) AS sent_bytes,
       coalesce(asked.received_bytes, 0) AS received_bytes,
       stored_day.peak_bytes AS stored_bytes
  FROM did
  FULL JOIN asked USING (day)
  FULL JOIN stored_day USING (day)
 ORDER BY day DESC
 LIMIT %(limit)s;

-- name: most_shared
SELECT session.sid AS session, session.owner AS user,
       count(DISTINCT share.id)::integer AS shares, count(*)::integer AS imports
  FROM share_use
  JOIN share ON share.id = share_use.share
  JOIN session ON session.id = share.session
 WHERE share_use.outcome = 'imported'
 GROUP BY session.sid, session.owner
 ORDER BY count(*) DESC, session.sid
 LIMIT %(limit)s;

-- name: stored
-- The last day before the month, too: what it ended with is what the month began with.
SELECT day, peak_bytes, last_bytes
  FROM stored_day
 WHERE day < %(until)s
   AND day >= coalesce((SELECT max(day) FROM stored_day WHERE day < %(begin)s),
                       %(begin)s)
 ORDER BY day;

-- name: requests
SELECT coalesce(sum(class_a), 0)::bigint AS class_a,
       coalesce(sum(class_b), 0)::bigint AS class_b,
       coalesce(sum(free), 0)::bigint AS free,
       coalesce(sum(sent_bytes), 0)::bigint AS sent_bytes,
       coalesce(sum(received_bytes), 0)::bigint AS received_bytes
  FROM usage_day
 WHERE day >= %(begin)s
   AND day < %(until)s;

-- name: first_day
SELECT least((SELECT min(day) FROM usage_day), (SELECT min(day) FROM stored_day));
