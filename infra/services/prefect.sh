# shellcheck shell=sh
# A Prefect server whose runs lie in the PostgreSQL beside it; from this checkout's own environment.

install_prefect() {
  [ -x .venv/bin/prefect ] || script/setup
}

start_prefect() {
  here=$ROOT/prefect
  mkdir -p "$here/home"
  chmod 700 "$here"
  [ -s "$here/auth" ] || printf 'muniment:%s\n' "$(secret)" | write_private "$here/auth"
  port=$(free_port)
  database=127.0.0.1:$(cat "$ROOT/postgres/port")/prefect
  (
    PREFECT_API_DATABASE_CONNECTION_URL="postgresql+asyncpg://prefect:$(cat "$ROOT/postgres/prefect.password")@$database?ssl=require"
    PREFECT_SERVER_API_AUTH_STRING=$(cat "$here/auth")
    export PREFECT_API_DATABASE_CONNECTION_URL PREFECT_SERVER_API_AUTH_STRING PREFECT_HOME="$here/home"
    export PREFECT_SERVER_ALLOW_EPHEMERAL_MODE=false PREFECT_SERVER_ANALYTICS_ENABLED=false DO_NOT_TRACK=1
    export PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT=false PREFECT_CLI_PROMPT=false PREFECT_CLI_COLORS=false
    exec setsid .venv/bin/prefect server start --host 127.0.0.1 --port "$port" >"$here/log" 2>&1 </dev/null
  ) &
  note_pid prefect $!
  echo "$port" >"$here/port"
  wait_for prefect "http://127.0.0.1:$port/api/health" 120 || {
    tail -n 15 "$here/log"
    exit 1
  }
}

env_prefect() {
  say_setting PREFECT_API_URL "http://127.0.0.1:$(cat "$ROOT/prefect/port")/api"
  say_setting PREFECT_API_AUTH_STRING "$(cat "$ROOT/prefect/auth")"
  say_setting PREFECT_SERVER_ALLOW_EPHEMERAL_MODE false
  say_setting DO_NOT_TRACK 1
}
