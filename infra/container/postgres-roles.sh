#!/bin/sh
# Read by PostgreSQL's image when its data folder is new: one role and database for Muniment, one for Prefect; TLS only.
set -eu
psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -v muniment="$MUNIMENT_DATABASE_PASSWORD" \
  -v prefect="$PREFECT_DATABASE_PASSWORD" <<'SQL'
create role muniment login password :'muniment';
create database muniment owner muniment;
create role prefect login password :'prefect';
create database prefect owner prefect;
SQL
printf '%s\n' 'local all all scram-sha-256' 'hostssl all all all scram-sha-256' >"$PGDATA/pg_hba.conf"
