# shellcheck shell=sh
# PostgreSQL from Debian's package: loopback, TLS and scram-sha-256; a role and database for Muniment, one for Prefect.

postgres_bin() { # the newest one there is
  newest=''
  for folder in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin; do
    if [ -x "$folder/initdb" ]; then newest=$folder; fi
  done
  [ -n "$newest" ] && echo "$newest"
}

install_postgres() {
  postgres_bin >/dev/null || script/packages postgresql
  postgres_bin >/dev/null || die 'initdb is not there'
}

as_postgres() { # PostgreSQL refuses to run as root
  if [ "$(id -u)" = 0 ]; then (cd / && exec runuser -u postgres -- "$@"); else "$@"; fi
}

start_postgres() {
  bin=$(postgres_bin)
  here=$ROOT/postgres
  port=$(free_port)
  chmod 755 "$ROOT" "$here"
  if [ ! -s "$here/made" ]; then
    rm -rf "$here/data" "$here/tls"
    mkdir -p "$here/data" "$here/tls" "$here/run"
    make_certificate "$here/tls" server
    for name in superuser muniment prefect; do secret | write_private "$here/$name.password"; done
    cp "$here/superuser.password" "$here/run/password"
    chmod 600 "$here/run/password"
    chmod 700 "$here/data" "$here/tls"
    if [ "$(id -u)" = 0 ]; then chown -R postgres: "$here/data" "$here/tls" "$here/run"; fi
    as_postgres test -w "$here/data" || die "the user postgres cannot reach $here: set MUNIMENT_SERVICES_ROOT"
    as_postgres "$bin/initdb" --no-sync -D "$here/data" -U postgres -E UTF8 --locale=C.UTF-8 --data-checksums \
      -A scram-sha-256 --pwfile="$here/run/password" >/dev/null
    rm "$here/run/password"
    as_postgres tee "$here/data/pg_hba.conf" >/dev/null <<'RULES'
hostssl all all 127.0.0.1/32 scram-sha-256
RULES
    as_postgres tee -a "$here/data/postgresql.conf" >/dev/null <<CONFIGURATION
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 200
ssl = on
ssl_cert_file = '$here/tls/server.crt'
ssl_key_file = '$here/tls/server.key'
ssl_min_protocol_version = 'TLSv1.2'
CONFIGURATION
  fi
  as_postgres "$bin/pg_ctl" -D "$here/data" -l "$here/run/log" -o "-p $port" -w -t 60 start >/dev/null </dev/null || {
    as_postgres tail -n 15 "$here/run/log"
    exit 1
  }
  note_pid postgres "$(as_postgres head -n 1 "$here/data/postmaster.pid")"
  echo "$port" >"$here/port"
  if [ ! -s "$here/made" ]; then
    for role in muniment prefect; do
      # through standard input, since arguments can be read by every user
      printf "create role %s login createdb password '%s';\ncreate database %s owner %s;\n" \
        $role "$(cat "$here/$role.password")" $role $role
    done | PGPASSWORD=$(cat "$here/superuser.password") PGSSLMODE=verify-full PGSSLROOTCERT=$ROOT/tls/ca.crt \
      "$bin/psql" -XAtq -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$port" -U postgres -d postgres
    echo yes >"$here/made"
  fi
  echo "port $port"
}

env_postgres() {
  # one parameter in the URL and one beside it: an ampersand would need quotes
  say_setting MUNIMENT_DATABASE_URL \
    "postgresql+psycopg://muniment@127.0.0.1:$(cat "$ROOT/postgres/port")/muniment?sslrootcert=$ROOT/tls/ca.crt"
  say_setting PGSSLMODE verify-full
  say_setting MUNIMENT_DATABASE_PASSWORD_FILE "$ROOT/postgres/muniment.password"
}
