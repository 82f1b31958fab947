-- name: due
-- Newest first: what happened a moment ago is what somebody waits for.
SELECT session.sid
  FROM session
  JOIN version
    ON version.session = session.id
   AND version.seq = session.head_seq
  LEFT JOIN hook_run
    ON hook_run.session = version.session
   AND hook_run.seq = version.seq
 WHERE (session.host = %(host)s OR session.host IS NULL)
   AND session.deleted_at IS NULL
   AND version.taken_at > clock_timestamp() - %(young_s)s * interval '1 second'
   AND (hook_run.session IS NULL
        OR (hook_run.ended_at IS NULL
            AND hook_run.host = %(host)s
            AND hook_run.tries < %(tries)s))
   AND (%(versions)s::text = 'all'
        OR (%(versions)s::text = 'saved' AND version.trigger = 'save')
        OR (%(versions)s::text = 'labelled'
            AND EXISTS (SELECT
                          FROM label
                         WHERE label.session = version.session
                           AND label.seq = version.seq)))
 ORDER BY version.taken_at DESC
 LIMIT %(limit)s;

-- name: claim
INSERT INTO hook_run (session, seq, host, command, started_at)
SELECT session.id, version.seq, %(host)s, %(command)s, clock_timestamp()
  FROM session
  JOIN version
    ON version.session = session.id
   AND version.seq = session.head_seq
 WHERE session.sid = %(session)s
   AND session.deleted_at IS NULL
   AND (%(versions)s::text = 'all'
        OR (%(versions)s::text = 'saved' AND version.trigger = 'save')
        OR (%(versions)s::text = 'labelled'
            AND EXISTS (SELECT
                          FROM label
                         WHERE label.session = version.session
                           AND label.seq = version.seq)))
    ON CONFLICT (session, seq) DO UPDATE
   SET tries = hook_run.tries + 1,
       command = excluded.command,
       started_at = excluded.started_at
 WHERE hook_run.ended_at IS NULL
   AND hook_run.host = excluded.host
   AND hook_run.tries < %(tries)s
RETURNING seq;

-- name: finish
UPDATE hook_run
   SET ended_at = clock_timestamp(),
       outcome = %(outcome)s,
       status = %(status)s,
       signal = %(signal)s,
       took_s = %(took_s)s,
       output = %(output)s,
       is_cut = %(is_cut)s,
       reason = %(reason)s
  FROM session
 WHERE session.sid = %(session)s
   AND hook_run.session = session.id
   AND hook_run.seq = %(seq)s
   AND hook_run.host = %(host)s
   AND hook_run.ended_at IS NULL;

-- name: of_session
-- Without what was printed: that is for one version at a time.
SELECT hook_run.seq, host.name AS host, hook_run.command, hook_run.started_at,
       hook_run.ended_at, hook_run.outcome, hook_run.status, hook_run.signal,
       hook_run.took_s, '' AS output, hook_run.is_cut, hook_run.reason
  FROM session
  JOIN hook_run ON hook_run.session = session.id
  LEFT JOIN host ON host.id = hook_run.host
 WHERE session.sid = %(session)s
   AND hook_run.seq = ANY (%(seqs)s);

-- name: of_version
SELECT hook_run.seq, host.name AS host, hook_run.command, hook_run.started_at,
       hook_run.ended_at, hook_run.outcome, hook_run.status, hook_run.signal,
       hook_run.took_s, hook_run.output, hook_run.is_cut, hook_run.reason
  FROM session
  JOIN hook_run ON hook_run.session = session.id
  LEFT JOIN host ON host.id = hook_run.host
 WHERE session.sid = %(session)s
   AND hook_run.seq = %(seq)s;
