-- What came of the command that is run on versions: hooks.on-version.
--
-- A daemon of schema 4 still works on this one: nothing that it writes needs more.

-- A row from when a host takes a version on itself: no other host runs it, too. Begun and
-- not ended, it is that host's to do again after it was down.
CREATE TABLE hook_run (
    session    bigint NOT NULL,
    seq        integer NOT NULL,
    host       uuid NOT NULL,
    tries      integer NOT NULL DEFAULT 1 CHECK (tries > 0),
    command    text NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at   timestamptz,
    outcome    text CHECK (outcome IN ('passed', 'failed', 'timed out', 'killed',
                                       'no room', 'refused', 'not restored')),
    status     integer,
    signal     integer,
    took_s     double precision,
    output     text NOT NULL DEFAULT '',
    is_cut     boolean NOT NULL DEFAULT false,
    reason     text NOT NULL DEFAULT '',
    PRIMARY KEY (session, seq),
    FOREIGN KEY (session, seq) REFERENCES version (session, seq) ON DELETE CASCADE,
    CHECK ((ended_at IS NULL) = (outcome IS NULL))
);

CREATE INDEX hook_run_under_way ON hook_run (host) WHERE ended_at IS NULL;

-- Who is to be told of what, as the settings of the daemons say. Of a URL only what is no
-- secret: the rest of it may be one, and so may be its path. The daemons know it.
CREATE TABLE webhook (
    id      text COLLATE "C" PRIMARY KEY CHECK (id ~ '^[0-9a-f]{16}$'),
    place   text NOT NULL,
    kinds   text[] NOT NULL,
    host    uuid NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT now()
);

-- What is still to be told, to each of them: written with what it tells, in one
-- transaction. `event` is the same for all, and for every try.
CREATE TABLE delivery (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    webhook       text NOT NULL REFERENCES webhook ON DELETE CASCADE,
    event         uuid NOT NULL,
    kind          text NOT NULL,
    sid           text COLLATE "C",
    at            timestamptz NOT NULL DEFAULT clock_timestamp(),
    body          jsonb NOT NULL,
    is_dead       boolean NOT NULL DEFAULT false,
    tries         integer NOT NULL DEFAULT 0,
    next_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    claimed_until timestamptz,
    error         text
);

CREATE INDEX delivery_waiting ON delivery (next_at) WHERE NOT is_dead;
CREATE INDEX delivery_by_webhook ON delivery (webhook);

-- Tells whoever wants to hear of it. Nothing is written where nobody does.
CREATE FUNCTION tell_webhooks(told_kind text, told_sid text, told_body jsonb) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO delivery (webhook, event, kind, sid, body)
    SELECT webhook.id, one.event, told_kind, told_sid, told_body
      FROM webhook
     CROSS JOIN (SELECT gen_random_uuid() AS event OFFSET 0) AS one
     WHERE webhook.kinds && ARRAY[told_kind, split_part(told_kind, '.', 1) || '.*', '*']
       AND current_setting('expokeep.replaying', true) IS DISTINCT FROM 'on'
       AND current_setting('expokeep.rebuilding', true) IS DISTINCT FROM 'on'
$$;

CREATE FUNCTION tell_of_version() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    name text;
    body jsonb;
BEGIN
    IF NOT EXISTS (SELECT FROM webhook) THEN
        RETURN NULL;
    END IF;
    SELECT sid INTO name FROM session WHERE id = NEW.session;
    body := jsonb_build_object(
        'seq', NEW.seq, 'taken_at', NEW.taken_at, 'trigger', NEW.trigger,
        'file_count', NEW.file_count, 'size_bytes', NEW.size_bytes,
        'message', NEW.message, 'author', NEW.author, 'parked', NEW.parked);
    PERFORM tell_webhooks('version.created', name, body);
    IF NEW.parked IS NOT NULL THEN
        PERFORM tell_webhooks('version.parked', name, body);
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER version_told_of
AFTER INSERT ON version FOR EACH ROW EXECUTE FUNCTION tell_of_version();

CREATE FUNCTION tell_of_session() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM tell_webhooks(
        CASE WHEN NEW.deleted_at IS NULL THEN 'session.undeleted'
             ELSE 'session.deleted' END,
        NEW.sid, jsonb_build_object('expired', NEW.expired));
    RETURN NULL;
END
$$;

CREATE TRIGGER session_told_of
AFTER UPDATE OF deleted_at ON session FOR EACH ROW
 WHEN ((OLD.deleted_at IS NULL) <> (NEW.deleted_at IS NULL))
EXECUTE FUNCTION tell_of_session();

CREATE FUNCTION tell_of_hook() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM tell_webhooks(
        'hook.done', (SELECT sid FROM session WHERE id = NEW.session),
        jsonb_build_object(
            'seq', NEW.seq, 'outcome', NEW.outcome, 'status', NEW.status,
            'signal', NEW.signal, 'took_s', NEW.took_s, 'reason', NEW.reason));
    RETURN NULL;
END
$$;

CREATE TRIGGER hook_told_of
AFTER UPDATE OF ended_at ON hook_run FOR EACH ROW
 WHEN (OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL)
EXECUTE FUNCTION tell_of_hook();
