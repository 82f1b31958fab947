-- name: add_requests
INSERT INTO usage_day (day, host, class_a, class_b, free, sent_bytes, received_bytes)
VALUES ((clock_timestamp() AT TIME ZONE 'UTC')::date, %(host)s, %(class_a)s, %(class_b)s,
        %(free)s, %(sent_bytes)s, %(received_bytes)s)
ON CONFLICT (day, host) DO UPDATE
   SET class_a = usage_day.class_a + excluded.class_a,
       class_b = usage_day.class_b + excluded.class_b,
       free = usage_day.free + excluded.free,
       sent_bytes = usage_day.sent_bytes + excluded.sent_bytes,
       received_bytes = usage_day.received_bytes + excluded.received_bytes;

-- name: add_activity
-- Sorted, or two hosts that tell of the same sessions wait for each other for ever.
INSERT INTO activity_day (day, sid, saves, restores)
SELECT (clock_timestamp() AT TIME ZONE 'UTC')::date, done.sid, done.saves, done.restores
  FROM unnest(%(sessions)s::text[], %(saves)s::integer[], %(restores)s::integer[])
       AS done (sid, saves, restores)
 ORDER BY done.sid
ON CONFLICT (day, sid) DO UPDATE
   SET saves = activity_day.saves + excluded.saves,
       restores = activity_day.restores + excluded.restores;

-- name: note_stored
-- An intent is not there yet, or perhaps it is: its bytes count once it is certain. What
-- is on its way out is there until it is deleted.
INSERT INTO stored_day (day, peak_bytes, last_bytes)
SELECT (clock_timestamp() AT TIME ZONE 'UTC')::date,
       greatest(found.size_bytes, coalesce(before.last_bytes, 0)), found.size_bytes
  FROM (SELECT coalesce(sum(size_bytes), 0)::bigint AS size_bytes
          FROM pack
         WHERE state <> 'uploading') AS found
  LEFT JOIN LATERAL (SELECT last_bytes
                       FROM stored_day
                      ORDER BY day DESC
                      LIMIT 1) AS before ON true
 WHERE before.last_bytes IS DISTINCT FROM found.size_bytes
ON CONFLICT (day) DO UPDATE
   SET peak_bytes = greatest(stored_day.peak_bytes, excluded.peak_bytes),
       last_bytes = excluded.last_bytes;

-- name: forget_usage
DELETE FROM usage_day
 WHERE day < (clock_timestamp() AT TIME ZONE 'UTC')::date - %(days)s::integer;

-- name: forget_activity
DELETE FROM activity_day
 WHERE day < (clock_timestamp() AT TIME ZONE 'UTC')::date - %(days)s::integer;
