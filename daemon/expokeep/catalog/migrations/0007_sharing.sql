-- Sharing: what is lent, to whom, and what came of it.
--
-- A daemon of a schema before still works on this one: nothing that it writes needs more.

-- Of a token only a keyed hash is here, and which key that was: `pepper` is no secret, but
-- a hash of one. `seq` NULL means the head, whatever it is then. It is no foreign key: a
-- share that is over must not hold its version.
CREATE TABLE share (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name            text COLLATE "C" NOT NULL UNIQUE CHECK (name ~ '^shr-[a-z2-7]{12}$'),
    token           bytea NOT NULL UNIQUE CHECK (octet_length(token) = 32),
    pepper          bytea NOT NULL CHECK (octet_length(pepper) = 8),
    session         bigint NOT NULL REFERENCES session ON DELETE CASCADE,
    seq             integer CHECK (seq > 0),
    looked_at_seq   integer CHECK (looked_at_seq > 0),
    secrets_allowed boolean NOT NULL DEFAULT false,
    password        text CHECK (password ~ '^scrypt\$'),
    wrong_count     integer NOT NULL DEFAULT 0 CHECK (wrong_count >= 0),
    wrong_since     timestamptz NOT NULL DEFAULT 'epoch',
    is_listed       boolean NOT NULL DEFAULT false,
    max_uses        integer CHECK (max_uses > 0),
    uses            integer NOT NULL DEFAULT 0 CHECK (uses >= 0),
    created_at      timestamptz NOT NULL DEFAULT now(),
    created_by      text COLLATE "C",
    expires_at      timestamptz NOT NULL,
    revoked_at      timestamptz,
    revoked_by      text COLLATE "C",
    CHECK (uses <= max_uses),
    CHECK (expires_at > created_at)
);

CREATE INDEX share_by_session ON share (session);

-- Who may use a share that is not for everybody.
CREATE TABLE share_user (
    share bigint NOT NULL REFERENCES share ON DELETE CASCADE,
    name  text COLLATE "C" NOT NULL CHECK (name <> ''),
    PRIMARY KEY (share, name)
);

-- Each use: counted when it is `under_way`, and given back if nothing came of it. `pack`
-- is that of the version which the new session begins with, and tells after a crash.
-- `session` is a name, because a use is told of long after that session is gone.
CREATE TABLE share_use (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    share      bigint NOT NULL REFERENCES share ON DELETE CASCADE,
    used_at    timestamptz NOT NULL DEFAULT now(),
    user_name  text COLLATE "C",
    uid        bigint NOT NULL CHECK (uid >= 0),
    host       uuid NOT NULL,
    seq        integer NOT NULL CHECK (seq > 0),
    session    text COLLATE "C" NOT NULL,
    pack       uuid NOT NULL UNIQUE,
    outcome    text NOT NULL DEFAULT 'under_way'
               CHECK (outcome IN ('under_way', 'imported', 'given_back')),
    settled_at timestamptz,
    CHECK ((outcome = 'under_way') = (settled_at IS NULL))
);

CREATE INDEX share_use_by_share ON share_use (share, id);
CREATE INDEX share_use_under_way ON share_use (used_at) WHERE settled_at IS NULL;

-- How often somebody with the token was turned away, and for what.
CREATE TABLE share_refusal (
    share     bigint NOT NULL REFERENCES share ON DELETE CASCADE,
    reason    text COLLATE "C" NOT NULL,
    count     bigint NOT NULL DEFAULT 1 CHECK (count > 0),
    last_at   timestamptz NOT NULL DEFAULT now(),
    last_user text COLLATE "C",
    PRIMARY KEY (share, reason)
);

-- What must not be forgotten because somebody may still import it, or does just now.
CREATE VIEW shared (session, seq) AS
SELECT share.session, share.seq
  FROM share
 WHERE share.revoked_at IS NULL
   AND share.expires_at > now()
   AND (share.max_uses IS NULL OR share.uses < share.max_uses)
 UNION ALL
SELECT share.session, share_use.seq
  FROM share_use
  JOIN share ON share.id = share_use.share
 WHERE share_use.settled_at IS NULL;

-- Whoever deletes a session ends its shares, and undeleting it does not lend it again. A
-- trigger, so that no way of deleting can forget it, a daemon of before included.
CREATE FUNCTION end_shares() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE share
       SET revoked_at = now(),
           revoked_by = 'the deletion of its session'
     WHERE share.session = NEW.id
       AND share.revoked_at IS NULL;
    RETURN NULL;
END
$$;

CREATE TRIGGER session_ends_shares
AFTER UPDATE OF deleted_at ON session
  FOR EACH ROW
 WHEN (OLD.deleted_at IS NULL AND NEW.deleted_at IS NOT NULL)
EXECUTE FUNCTION end_shares();
