# shellcheck shell=sh
# What the local servers share: their root, processes, ports and certificates. Read by script/services.

die() {
  echo "script/services: $*" >&2
  exit 1
}

say_setting() { # NAME VALUE as a line for eval, and as it is wherever nothing in it means something to a shell
  case $2 in
    *[!A-Za-z0-9_:/.?=@%+,-]*) printf "%s='%s'\n" "$1" "$(printf %s "$2" | sed "s/'/'\\\\''/g")" ;;
    *) printf '%s=%s\n' "$1" "$2" ;;
  esac
}

services_root() { # where the servers' folders lie; as root, a place that the user postgres can reach
  if [ -n "${MUNIMENT_SERVICES_ROOT:-}" ]; then
    case $MUNIMENT_SERVICES_ROOT in /*) echo "$MUNIMENT_SERVICES_ROOT" ;; *) echo "$PWD/$MUNIMENT_SERVICES_ROOT" ;; esac
    return
  fi
  folder=$PWD
  while [ "$(id -u)" = 0 ] && [ "$folder" != / ]; do
    if [ -z "$(find "$folder" -maxdepth 0 -perm -o+x)" ]; then
      echo "/var/tmp/muniment-services-$(echo "$PWD" | cksum | cut -d' ' -f1)"
      return
    fi
    folder=$(dirname "$folder")
  done
  echo "$PWD/.services"
}

secret() { # a password without characters that URLs or shells take for something else
  openssl rand -hex 20
}

write_private() { # FILE: keep standard input in a file for its owner only
  (
    umask 077
    cat >"$1"
  )
}

python() { # any Python 3 will do
  "$(command -v python3 || echo .venv/bin/python)" "$@"
}

free_port() {
  python -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

born() { # when a process began, in ticks since the machine did: with the id it names one process, ever
  sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20
}

note_pid() { # PART PID
  echo "$2 $(born "$2")" >"$ROOT/$1/pid"
}

running() { # PART: is the process that was noted still there, and not a zombie?
  [ -s "$ROOT/$1/pid" ] || return 1
  read -r pid begin <"$ROOT/$1/pid"
  [ -n "$begin" ] && [ "$(born "$pid")" = "$begin" ] && ! grep -q '^State:.Z' "/proc/$pid/status" 2>/dev/null
}

stop() { # PART: ask it to end, insist after 30 seconds
  if running "$1"; then
    read -r pid begin <"$ROOT/$1/pid"
    # postgres: SIGINT ends at once and in order, where SIGTERM would wait for every client
    if [ "$1" = postgres ]; then kill -INT "$pid"; else kill "$pid"; fi
    tries=300
    while running "$1" && [ $tries -gt 0 ]; do
      sleep 0.1
      tries=$((tries - 1))
    done
    if running "$1"; then kill -KILL "$pid"; fi
    echo "$1: stopped"
  fi
  rm -f "$ROOT/$1/pid"
}

make_authority() { # one certificate authority for all servers of this root
  mkdir -p "$ROOT/tls"
  [ -s "$ROOT/tls/ca.crt" ] && return
  (
    umask 077
    cd "$ROOT/tls"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 -subj '/O=muniment-test/CN=ca' \
      -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign \
      -keyout ca.key -out ca.new 2>/dev/null
    mv ca.new ca.crt
    chmod 644 ca.crt
  ) || die 'openssl could not make a certificate authority'
}

make_certificate() { # FOLDER NAME: NAME.key and NAME.crt for this machine, signed by the authority
  (
    umask 077
    cd "$1" || exit
    cat >"$2.ext" <<EXTENSIONS
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=serverAuth,clientAuth
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
subjectAltName=DNS:localhost,IP:127.0.0.1
EXTENSIONS
    # PKCS #8, the one form of key that all of them read
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$2.key" 2>/dev/null
    openssl req -new -key "$2.key" -subj "/O=muniment-test/CN=$2" -out "$2.csr"
    openssl x509 -req -in "$2.csr" -CA "$ROOT/tls/ca.crt" -CAkey "$ROOT/tls/ca.key" -days 365 -extfile "$2.ext" \
      -set_serial "0x$(openssl rand -hex 8)" -out "$2.crt" 2>/dev/null
    rm "$2.csr" "$2.ext"
  )
}

wait_for() { # PART URL SECONDS [USER:PASSWORD in the variable BASIC_AUTH]: until the address answers 200
  python - "$2" "$3" "$ROOT/tls/ca.crt" "$ROOT/$1/pid" <<'PYTHON'
import base64, os, ssl, sys, time, urllib.request

url, seconds, ca, pid_file = sys.argv[1:]
context = ssl.create_default_context(cafile=ca) if url.startswith("https") else None
request = urllib.request.Request(url)
if os.environ.get("BASIC_AUTH"):
    request.add_header("Authorization", "Basic " + base64.b64encode(os.environ["BASIC_AUTH"].encode()).decode())
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
begun, last = time.monotonic(), "no answer"
while time.monotonic() - begun < float(seconds):
    try:
        with opener.open(request, timeout=5) as answer:
            if answer.status == 200:
                print(f"answered after {time.monotonic() - begun:.1f} s")
                sys.exit(0)
    except OSError as error:
        last = str(error)
    with open(pid_file) as file:
        pid = file.read().split()[0]
    try:
        with open(f"/proc/{pid}/stat") as file:
            ended = file.read().rpartition(") ")[2].startswith("Z")
    except OSError:
        ended = True
    if ended:
        sys.exit("the server ended")
    time.sleep(0.2)
sys.exit(f"no answer within {seconds} s: {last}")
PYTHON
}

java_version() { # JAVA: its major number, 0 where it does not run
  version=$("$1" -XshowSettings:properties -version 2>&1 | sed -n 's/^ *java.specification.version = \([0-9]*\).*/\1/p')
  echo "${version:-0}"
}
