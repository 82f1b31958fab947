-- What the bucket was asked for, what people did, and how much was stored, a day at a
-- time, by UTC: nothing else remembers that. A rebuild from the bucket does not bring it
-- back. Whoever changes nothing writes nothing.
--
-- A daemon of a schema before still works on this one: nothing that it writes needs more.

-- Of each host, which may be gone. Class A writes or lists, class B reads, the rest costs
-- nothing.
CREATE TABLE usage_day (
    day            date NOT NULL,
    host           uuid NOT NULL,
    class_a        bigint NOT NULL DEFAULT 0 CHECK (class_a >= 0),
    class_b        bigint NOT NULL DEFAULT 0 CHECK (class_b >= 0),
    free           bigint NOT NULL DEFAULT 0 CHECK (free >= 0),
    sent_bytes     bigint NOT NULL DEFAULT 0 CHECK (sent_bytes >= 0),
    received_bytes bigint NOT NULL DEFAULT 0 CHECK (received_bytes >= 0),
    PRIMARY KEY (day, host)
);

-- Of each session, by name: it may be gone. A version that is forgotten was saved all the
-- same.
CREATE TABLE activity_day (
    day      date NOT NULL,
    sid      text COLLATE "C" NOT NULL,
    saves    integer NOT NULL DEFAULT 0 CHECK (saves >= 0),
    restores integer NOT NULL DEFAULT 0 CHECK (restores >= 0),
    PRIMARY KEY (day, sid)
);

CREATE INDEX activity_day_by_session ON activity_day (sid);

-- All objects together. A day without a row was as the day before it ended.
CREATE TABLE stored_day (
    day        date PRIMARY KEY,
    peak_bytes bigint NOT NULL CHECK (peak_bytes >= 0),
    last_bytes bigint NOT NULL CHECK (last_bytes BETWEEN 0 AND peak_bytes)
);

CREATE VIEW saves_per_user_and_day AS
SELECT activity_day.day, session.owner, sum(activity_day.saves)::bigint AS saves,
       sum(activity_day.restores)::bigint AS restores,
       count(*)::integer AS sessions
  FROM activity_day
  LEFT JOIN session ON session.sid = activity_day.sid
 GROUP BY activity_day.day, session.owner;
