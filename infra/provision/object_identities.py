"""Make the three identities of the object store on MinIO or a fork of it, each with no right that it does not use.

| identity | may | may not |
|---|---|---|
| writer | put, read, list, see locks | remove, or touch a lock: a short one named in a put beats the bucket's default |
| keeper | make the bucket, lengthen locks, remove what is free, try the server in `<bucket>-probe` | put originals |
| keeper, in the ledger's bucket | all of that, and put: the publisher works as keeper | |
| verifier | read, list, see locks: without the last two rights of READ a HEAD hides the lock | change anything |

Run as a program, it reads one JSON document: `endpoint` (HOST:PORT), `ca` (file), `root` ([user, password]), `buckets`
(names, or `*` for every one), `ledgers` (buckets of the published ledger) and `identities` ({name: [access key, secret
key]}). Doing it twice changes nothing; other passwords for the same names are set. Actions are listed one by one, since
`s3:*` on the objects of a bucket also grants the configuration of its lock (custody reference, section 3; servers'
notes).
"""

import json
import sys
from pathlib import Path
from typing import Any

import urllib3
from minio import MinioAdmin
from minio.credentials.providers import StaticProvider

READ = ("GetObject", "GetObjectVersion", "GetObjectRetention", "GetObjectLegalHold")
LOOK = (
    "ListBucket", "ListBucketVersions", "ListBucketMultipartUploads", "GetBucketLocation", "GetBucketVersioning",
    "GetBucketObjectLockConfiguration",
)  # fmt: skip
STORE = ("PutObject", "AbortMultipartUpload", "ListMultipartUploadParts")
KEEP = ("PutObjectRetention", "PutObjectLegalHold", "DeleteObject", "DeleteObjectVersion")
MAKE = ("CreateBucket", "PutBucketObjectLockConfiguration", "PutBucketVersioning")
TRY = (*STORE, *KEEP, "BypassGovernanceRetention")  # in the probe's bucket only


def policies(buckets: list[str], ledgers: list[str]) -> dict[str, dict[str, Any]]:
    """Return the policy document of each identity for these buckets (`*`: every bucket, for tests)."""
    probes = [f"{bucket}-probe" for bucket in buckets]
    look = _allow(LOOK, buckets)
    published = _allow((*READ, *STORE, *KEEP), _objects(ledgers))
    return {
        "writer": _policy(look, _allow((*READ, *STORE), _objects(buckets))),
        "keeper": _policy(
            _allow((*LOOK, *MAKE), [*buckets, *probes, *ledgers]),
            _allow((*READ, *KEEP), _objects(buckets)),
            _allow((*READ, *TRY), _objects(probes)),
            published,
        ),
        "verifier": _policy(_allow(LOOK, [*buckets, *ledgers]), _allow(READ, _objects([*buckets, *ledgers]))),
    }


def provide(admin: MinioAdmin, buckets: list[str], ledgers: list[str], identities: dict[str, tuple[str, str]]) -> None:
    """Make or renew each identity named in `identities` with its policy."""
    for name, document in policies(buckets, ledgers).items():
        if name not in identities:
            continue
        access, secret = identities[name]
        admin.policy_add(f"muniment-{name}", policy=document)
        admin.user_add(access, secret)
        attached = json.loads(admin.user_info(access)).get("policyName", "")
        if f"muniment-{name}" not in attached.split(","):  # attaching twice is an error there
            admin.attach_policy([f"muniment-{name}"], user=access)


def _objects(buckets: list[str]) -> list[str]:
    return [f"{bucket}/*" for bucket in buckets]


def _allow(actions: tuple[str, ...], resources: list[str]) -> dict[str, Any]:
    return {
        "Effect": "Allow", "Action": [f"s3:{action}" for action in actions],
        "Resource": [f"arn:aws:s3:::{resource}" for resource in resources],
    }  # fmt: skip


def _policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def main() -> None:
    """Read the document from standard input and make the identities."""
    asked = json.load(sys.stdin)
    if not Path(asked["ca"]).is_file():
        sys.exit("there is no certificate authority at the place named")
    again = urllib3.Retry(
        total=12, backoff_factor=0.25, status_forcelist=[503], allowed_methods=None
    )  # while it starts
    http = urllib3.PoolManager(ca_certs=asked["ca"], timeout=urllib3.Timeout(connect=5, read=30), retries=again)
    admin = MinioAdmin(endpoint=asked["endpoint"], credentials=StaticProvider(*asked["root"]), http_client=http)
    ledgers = asked.get("ledgers", [])
    provide(admin, asked["buckets"], ledgers, {name: (pair[0], pair[1]) for name, pair in asked["identities"].items()})


if __name__ == "__main__":
    main()
