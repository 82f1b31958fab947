-- The catalog: what is kept, who owns it, and where its bytes are.
--
-- Names of files and targets of links are bytes. Ids of sessions are ASCII and sort
-- bytewise, so that a prefix of one is a range. Every rule that can be said here is.

CREATE TABLE scope (
    id   integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE CHECK (name <> '')
);

-- A lease is per host and runs by the clock of Postgres, never by a host's own.
CREATE TABLE host (
    id          uuid PRIMARY KEY,
    name        text NOT NULL,
    lease_until timestamptz NOT NULL
);

CREATE TABLE session (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sid          text COLLATE "C" NOT NULL UNIQUE
                 CHECK (sid ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$'),
    scope        integer NOT NULL REFERENCES scope,
    owner        text,
    project_name text,
    root_uid     bigint NOT NULL CHECK (root_uid >= 0),
    root_gid     bigint NOT NULL CHECK (root_gid >= 0),
    root_mode    integer NOT NULL CHECK (root_mode BETWEEN 0 AND 4095),
    last_seq     integer NOT NULL DEFAULT 0 CHECK (last_seq >= 0),
    head_seq     integer CHECK (head_seq BETWEEN 1 AND last_seq),
    fence        bigint NOT NULL DEFAULT 0 CHECK (fence >= 0),
    host         uuid REFERENCES host,
    created_at   timestamptz NOT NULL DEFAULT now(),
    accessed_at  timestamptz NOT NULL DEFAULT now(),
    deleted_at   timestamptz
);

CREATE INDEX session_by_owner ON session (owner, accessed_at DESC);
CREATE INDEX session_by_access ON session (accessed_at DESC);
CREATE INDEX session_by_host ON session (host);

-- One life of a directory on disk. Device and inode are 64 bits without a sign, which
-- no integer of Postgres holds. `base_seq` and `tip_seq` are no foreign keys: a version
-- may be forgotten while the chain that it was part of goes on.
CREATE TABLE epoch (
    session    bigint NOT NULL REFERENCES session,
    number     integer NOT NULL CHECK (number > 0),
    host       uuid NOT NULL REFERENCES host,
    device     numeric(20) NOT NULL,
    inode      numeric(20) NOT NULL,
    birth_ns   bigint NOT NULL,
    base_seq   integer CHECK (base_seq > 0),
    tip_seq    integer CHECK (tip_seq > 0),
    tip_pack   uuid,
    started_at timestamptz NOT NULL DEFAULT now(),
    ended_at   timestamptz,
    PRIMARY KEY (session, number),
    UNIQUE (session, host, device, inode, birth_ns),
    CHECK ((tip_seq IS NULL) = (tip_pack IS NULL))
);

-- `reuses` belongs to an intent: contents of other packs that it counts on, which a
-- sweep must leave alone until the intent is committed or doomed.
CREATE TABLE pack (
    id         uuid PRIMARY KEY,
    scope      integer NOT NULL REFERENCES scope,
    session    bigint NOT NULL REFERENCES session,
    key        text COLLATE "C" NOT NULL UNIQUE,
    kind       text NOT NULL CHECK (kind IN ('base', 'incr', 'merge', 'big')),
    level      smallint NOT NULL CHECK (level BETWEEN 0 AND 9),
    size_bytes bigint NOT NULL CHECK (size_bytes >= 0),
    state      text NOT NULL
               CHECK (state IN ('uploading', 'live', 'retired', 'doomed')),
    state_at   timestamptz NOT NULL DEFAULT now(),
    reuses     bytea[] NOT NULL DEFAULT '{}',
    UNIQUE (id, scope),
    CHECK (state = 'uploading' OR reuses = '{}')
);

CREATE INDEX pack_by_session ON pack (session, level) WHERE state = 'live';
CREATE INDEX pack_by_state ON pack (state, state_at) WHERE state <> 'live';

-- A blob lives as long as its pack may be read: it goes in the transaction that dooms
-- the pack, so what is found here can be relied on.
CREATE TABLE blob (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    scope            integer NOT NULL,
    digest           bytea NOT NULL CHECK (octet_length(digest) = 32),
    size_bytes       bigint NOT NULL CHECK (size_bytes >= 0),
    pack             uuid NOT NULL,
    frame_offset     bigint NOT NULL CHECK (frame_offset >= 0),
    frame_length     bigint NOT NULL CHECK (frame_length > 0),
    frame_raw_length bigint NOT NULL CHECK (frame_raw_length >= 0),
    raw_offset       bigint NOT NULL CHECK (raw_offset >= 0),
    UNIQUE (scope, digest),
    FOREIGN KEY (pack, scope) REFERENCES pack (id, scope),
    CHECK (raw_offset + size_bytes <= frame_raw_length)
);

CREATE INDEX blob_by_pack ON blob (pack);

-- The names of a session, each once: this halves the bytes of `file_version`. A name
-- may be longer than an entry of an index can be, hence its digest in the index.
CREATE TABLE path (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    session bigint NOT NULL REFERENCES session,
    name    bytea NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 4096)
);

CREATE UNIQUE INDEX path_by_name ON path (session, sha256(name));

-- `pack` makes a commit safe to repeat. It is no foreign key, because it stays when packs
-- are merged and the row of the pack itself goes. Nor is `parent_seq`, see `epoch`.
CREATE TABLE version (
    session     bigint NOT NULL REFERENCES session,
    seq         integer NOT NULL CHECK (seq > 0),
    epoch       integer NOT NULL,
    parent_seq  integer CHECK (parent_seq BETWEEN 1 AND seq - 1),
    pack        uuid NOT NULL UNIQUE,
    taken_at    timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    trigger     text NOT NULL
                CHECK (trigger IN ('auto', 'save', 'flush', 'final', 'adopted')),
    tree        bytea NOT NULL CHECK (octet_length(tree) = 32),
    file_count  integer NOT NULL CHECK (file_count >= 0),
    size_bytes  bigint NOT NULL CHECK (size_bytes >= 0),
    message     text,
    author      text,
    parked      text,
    pinned      boolean NOT NULL DEFAULT false,
    PRIMARY KEY (session, seq),
    FOREIGN KEY (session, epoch) REFERENCES epoch (session, number)
);

CREATE INDEX version_by_time ON version (session, taken_at DESC, seq DESC);
CREATE INDEX version_parked ON version (session) WHERE parked IS NOT NULL;

-- Deferred, because one statement takes the number and moves the head, before the
-- version is there.
ALTER TABLE session
  ADD FOREIGN KEY (id, head_seq) REFERENCES version (session, seq)
      DEFERRABLE INITIALLY DEFERRED;

-- One row per change: an entry is part of every version of its epoch from `valid_from`
-- up to, and without, `valid_to`. An epoch begins with a full listing.
CREATE TABLE file_version (
    session    bigint NOT NULL,
    epoch      integer NOT NULL,
    path       bigint NOT NULL REFERENCES path,
    valid_from integer NOT NULL CHECK (valid_from > 0),
    valid_to   integer CHECK (valid_to > valid_from),
    kind       text NOT NULL CHECK (kind IN ('f', 'l', 'd')),
    mode       smallint CHECK (mode BETWEEN 0 AND 511),
    mtime_ns   bigint NOT NULL,
    blob       bigint REFERENCES blob,
    target     bytea,
    PRIMARY KEY (path, epoch, valid_from),
    FOREIGN KEY (session, epoch) REFERENCES epoch (session, number),
    CHECK ((kind = 'f') = (blob IS NOT NULL)),
    CHECK ((kind = 'l') = (target IS NOT NULL)),
    CHECK ((kind = 'l') = (mode IS NULL))
);

CREATE INDEX file_version_by_epoch ON file_version (session, epoch, valid_from);
CREATE INDEX file_version_by_blob ON file_version (blob);
CREATE UNIQUE INDEX file_version_open
    ON file_version (path, epoch) WHERE valid_to IS NULL;
