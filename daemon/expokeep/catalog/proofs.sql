-- name: record
-- A host that never beat is made known: it can prove things without owning any.
WITH prover AS (
    INSERT INTO host (id, name, lease_until)
    VALUES (%(host)s, %(name)s, clock_timestamp())
    ON CONFLICT (id) DO NOTHING
)
INSERT INTO proof (kind, host, started_at, ended_at, is_well, body)
VALUES (%(kind)s, %(host)s, %(started_at)s, clock_timestamp(), %(is_well)s,
        %(body)s::jsonb);

-- name: last
SELECT proof.id, proof.kind, host.name AS host, proof.started_at, proof.ended_at,
       proof.is_well, proof.body
  FROM proof
  LEFT JOIN host ON host.id = proof.host
 WHERE proof.kind = %(kind)s
   AND proof.ended_at IS NOT NULL
 ORDER BY proof.id DESC
 LIMIT 1;

-- name: telling
-- That one session is well does not say that all is.
SELECT proof.id, proof.kind, host.name AS host, proof.started_at, proof.ended_at,
       proof.is_well, proof.body
  FROM proof
  LEFT JOIN host ON host.id = proof.host
 WHERE proof.kind = %(kind)s
   AND proof.ended_at IS NOT NULL
   AND (NOT proof.is_well OR proof.body ->> 'session' IS NULL)
 ORDER BY proof.id DESC
 LIMIT 1;

-- name: since
SELECT proof.id, proof.kind, host.name AS host, proof.started_at, proof.ended_at,
       proof.is_well, proof.body
  FROM proof
  LEFT JOIN host ON host.id = proof.host
 WHERE proof.kind = %(kind)s
   AND proof.ended_at > clock_timestamp() - %(age_s)s * interval '1 second'
 ORDER BY proof.id;
