#!/bin/sh
# Make a certificate authority and one certificate for each server of docker-compose.yml: certificates.sh FOLDER
# FOLDER has a folder for the authority and for each server; what is there already stays. The authority's key is not
# kept: to make one certificate anew, make all anew (docker compose down, remove the four volumes, up).
set -eu
cd "$1"
umask 077
[ -s authority/ca.crt ] && exit 0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj '/O=muniment/CN=ca' \
  -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign \
  -keyout "$work/ca.key" -out "$work/ca.crt" 2>/dev/null

certificate() { # SERVER KEY CERTIFICATE OWNER: the owner is the user that the server's image runs as
  printf '%s\n' basicConstraints=critical,CA:FALSE keyUsage=critical,digitalSignature extendedKeyUsage=serverAuth \
    subjectKeyIdentifier=hash authorityKeyIdentifier=keyid "subjectAltName=DNS:$1,DNS:localhost,IP:127.0.0.1" \
    >"$work/extensions"
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1/$2" 2>/dev/null
  openssl req -new -key "$1/$2" -subj "/O=muniment/CN=$1" -out "$work/request"
  openssl x509 -req -in "$work/request" -CA "$work/ca.crt" -CAkey "$work/ca.key" -days 3650 \
    -extfile "$work/extensions" -set_serial "0x$(openssl rand -hex 8)" -out "$1/$3" 2>/dev/null
  cp "$work/ca.crt" "$1/ca.crt"
  chmod 700 "$1"
  chown -R "$4" "$1"
}

certificate postgres server.key server.crt 999:999
certificate objects private.key public.crt 0:0
certificate opensearch server.key server.crt 1000:1000
# last, since its presence says that all are made
chmod 755 authority
cp "$work/ca.crt" authority/ca.new
chmod 644 authority/ca.new
mv authority/ca.new authority/ca.crt
