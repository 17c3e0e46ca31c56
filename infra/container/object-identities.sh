#!/bin/sh
# Make the identities of the object store of docker-compose.yml: who stores, who keeps locks, who verifies.
# Harmless to repeat; the administrator's keys are needed nowhere else.
set -eu
cd "$(dirname "$0")/../.."
python -c '
import json, os

def pair(name):
    return [os.environ[f"{name}_ACCESS_KEY"], os.environ[f"{name}_SECRET_KEY"]]

bucket = os.environ["MUNIMENT_S3_BUCKET"]
print(json.dumps({
    "endpoint": os.environ["MUNIMENT_S3_ENDPOINT"].rpartition("://")[2],
    "ca": os.environ["MUNIMENT_S3_CA"],
    "buckets": [bucket],
    "ledgers": [os.environ.get("MUNIMENT_LEDGER_BUCKET", "ledger")],
    "root": pair("OBJECTS_ROOT"),
    "identities": {
        "writer": pair("MUNIMENT_S3"), "keeper": pair("MUNIMENT_S3_KEEPER"), "verifier": pair("OBJECTS_VERIFIER"),
    },
}))
' | python infra/provision/object_identities.py
