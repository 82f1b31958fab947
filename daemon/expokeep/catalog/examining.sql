-- name: server
SELECT current_setting('server_version_num')::int,
       current_setting('max_connections')::int
       - current_setting('superuser_reserved_connections')::int,
       (SELECT count(*)::int
          FROM pg_stat_activity
         WHERE backend_type = 'client backend'),
       pg_is_in_recovery()
       OR current_setting('default_transaction_read_only')::boolean,
       current_setting('fsync')::boolean
       AND current_setting('full_page_writes')::boolean,
       coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false)
       OR inet_client_addr() IS NULL
       OR inet_client_addr() <<= '127.0.0.0/8'
       OR inet_client_addr() = '::1';

-- name: closed
-- Tables of our own that the role of this connection may not read and write.
SELECT c.relname::text
  FROM pg_class c
 WHERE c.relnamespace = to_regnamespace(quote_ident(%(schema)s))
   AND c.relkind IN ('r', 'p')
   AND NOT (has_schema_privilege(c.relnamespace, 'USAGE')
            AND has_table_privilege(c.oid, 'SELECT')
            AND has_table_privilege(c.oid, 'INSERT')
            AND has_table_privilege(c.oid, 'UPDATE')
            AND has_table_privilege(c.oid, 'DELETE'))
 ORDER BY 1;

-- name: twins
-- Connections of another process that says it is this host, and was heard of since this
-- one began. One that died cannot have been.
SELECT DISTINCT coalesce(host(a.client_addr), 'this machine')
  FROM pg_stat_activity a
 WHERE starts_with(a.application_name, %(host)s || ' ')
   AND a.application_name <> current_setting('application_name')
   AND a.state_change > %(since)s;
