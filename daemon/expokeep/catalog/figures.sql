-- name: standing
SELECT (SELECT count(*)
          FROM session
          JOIN version AS newest
            ON newest.session = session.id
           AND newest.seq = session.last_seq
         WHERE session.deleted_at IS NULL
           AND newest.parked IS NOT NULL)::integer AS parked_sessions,
       held.held_alive, held.held_silent,
       now_there.live_shares, now_there.expired_shares, now_there.revoked_shares,
       now_there.used_up_shares
  FROM (SELECT coalesce(sum(unrecorded.entries)
                        FILTER (WHERE host.lease_until > clock_timestamp()),
                        0)::integer AS held_alive,
               coalesce(sum(unrecorded.entries)
                        FILTER (WHERE host.lease_until <= clock_timestamp()),
                        0)::integer AS held_silent
          FROM unrecorded
          JOIN host ON host.id = unrecorded.host
         WHERE unrecorded.host <> %(host)s) AS held,
       (SELECT count(*) FILTER (WHERE state = 'live')::integer AS live_shares,
               count(*) FILTER (WHERE state = 'expired')::integer AS expired_shares,
               count(*) FILTER (WHERE state = 'revoked')::integer AS revoked_shares,
               count(*) FILTER (WHERE state = 'used_up')::integer AS used_up_shares
          FROM (SELECT CASE WHEN revoked_at IS NOT NULL THEN 'revoked'
                            WHEN expires_at <= now() THEN 'expired'
                            WHEN uses >= max_uses THEN 'used_up'
                            ELSE 'live' END AS state
                  FROM share) AS each_share) AS now_there;

-- name: refusals
SELECT reason, sum(count)::bigint AS count
  FROM share_refusal
 GROUP BY reason
 ORDER BY reason;

-- name: chores
SELECT name, extract(epoch FROM clock_timestamp() - done_at)::double precision AS age_s
  FROM chore
 ORDER BY name;

-- name: users
-- Those who have most, one by one, and the sum of all others; counted as `stats` does.
WITH did AS (
    SELECT session.owner,
           sum(activity_day.saves)::double precision
           / ((clock_timestamp() AT TIME ZONE 'UTC')::date - min(activity_day.day) + 1)
           AS saves_per_day
      FROM activity_day
      JOIN session ON session.sid = activity_day.sid
     GROUP BY session.owner
), stored AS (
    SELECT session, sum(size_bytes) AS stored_bytes
      FROM pack
     WHERE state <> 'uploading'
     GROUP BY session
), kept AS (
    SELECT session.owner,
           count(*) FILTER (WHERE session.deleted_at IS NULL) AS sessions,
           coalesce(sum(stored.stored_bytes), 0) AS stored_bytes
      FROM session
      LEFT JOIN stored ON stored.session = session.id
     GROUP BY session.owner
), ranked AS (
    SELECT kept.owner, kept.sessions, kept.stored_bytes,
           coalesce(did.saves_per_day, 0) AS saves_per_day,
           row_number() OVER (ORDER BY kept.stored_bytes DESC, kept.owner) AS place
      FROM kept
      LEFT JOIN did ON did.owner IS NOT DISTINCT FROM kept.owner
)
SELECT CASE WHEN place <= %(most)s THEN owner END AS user, place > %(most)s AS is_other,
       sum(sessions)::bigint AS sessions, sum(stored_bytes)::bigint AS stored_bytes,
       sum(saves_per_day) AS saves_per_day
  FROM ranked
 GROUP BY 1, 2
 ORDER BY is_other, stored_bytes DESC, 1;

-- name: quotas
-- How much of each quota is used: of those who are nearest to theirs, of the highest of
-- all others, and of how many it is how much. Without a build limit of their own users
-- have that of the settings.
WITH has AS (
    SELECT session.owner, count(*) AS builds,
           coalesce(sum(head.size_bytes), 0) AS size_bytes
      FROM session
      JOIN version AS head
        ON head.session = session.id
       AND head.seq = session.head_seq
     WHERE session.deleted_at IS NULL
       AND session.owner IS NOT NULL
     GROUP BY session.owner
), used AS (
    SELECT has.owner,
           has.builds::double precision
           / nullif(coalesce(quota.max_builds, %(max_builds)s), 0) AS of_builds,
           has.size_bytes::double precision / nullif(quota.max_bytes, 0) AS of_bytes
      FROM has
      LEFT JOIN quota ON quota.owner = has.owner
), ranked AS (
    SELECT owner, of_builds, of_bytes,
           greatest(of_builds, of_bytes) AS most_used,
           row_number() OVER (ORDER BY greatest(of_builds, of_bytes) DESC NULLS LAST,
                              owner) AS place
      FROM used
)
SELECT CASE WHEN place <= %(most)s THEN owner END AS user, place > %(most)s AS is_other,
       max(of_builds) AS builds_ratio, max(of_bytes) AS bytes_ratio,
       (count(*) FILTER (WHERE most_used >= 0.8))::integer AS near_80,
       (count(*) FILTER (WHERE most_used >= 0.95))::integer AS near_95,
       (count(*) FILTER (WHERE most_used >= 1))::integer AS near_100
  FROM ranked
 GROUP BY 1, 2
 ORDER BY is_other, max(most_used) DESC NULLS LAST, 1;
