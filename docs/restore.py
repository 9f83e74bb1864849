#!/usr/bin/env python3
"""Restores a PostgreSQL backup without backupctl: with openssl, age, zstd and PostgreSQL's own pg_restore and psql.

  restore.py FOLDER --identity identity.txt                     check signature and hashes, list what is in it
  restore.py FOLDER --identity identity.txt --restore shop      restore database shop under its own name
  restore.py FOLDER --identity identity.txt --restore shop --into shop_copy      into a database that exists
  restore.py FOLDER --identity identity.txt --globals           print the SQL of roles and tablespaces

FOLDER is what `backupctl backup-export` wrote, or the backup's own folder of the repository
(backups/<instance id>/<backup id>), copied with `aws s3 cp --recursive` or plain `cp -r`.
The server is told by PGHOST, PGPORT, PGUSER, PGPASSFILE, as for every program of PostgreSQL.
The format is described in repository-format.md.
"""
import argparse
import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile


def fail(message):
    sys.exit(f"restore.py: {message}")


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def read_manifest(folder, trusted):
    """The manifest, once a trusted key's signature over its exact bytes has been checked."""
    path = os.path.join(folder, "manifest.json")
    if not os.path.isfile(path):
        fail(f"{path} does not exist: without a manifest there is no backup")
    signature = os.path.join(folder, f"manifest.{sha256(path)}.sig")
    if not os.path.isfile(signature):
        fail(f"{signature} does not exist: the manifest was changed after it was signed")
    for name in trusted:
        der = bytes.fromhex("302a300506032b6570032100") + base64.b64decode(name.removeprefix("ed25519:"))
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as pem:
            body = base64.b64encode(der).decode()
            pem.write(f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n")
            pem.flush()
            command = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", pem.name]
            checked = subprocess.run(command + ["-in", path, "-sigfile", signature], capture_output=True)
        if checked.returncode == 0:
            with open(path, encoding="utf-8") as file:
                manifest = json.load(file)
            if manifest["format"] != 1:
                fail(f"the backup has format {manifest['format']}; this script knows 1")
            return manifest
    fail("the manifest is not signed by a key that you trust")


def locate(folder, manifest, record):
    """The file of an object: beside the manifest (an export), or below data/ (the repository's own folder)."""
    prefix = f"backups/{manifest['instance']['id']}/{manifest['id']}/"
    key = record["key"]
    if not key.startswith(prefix) or ".." in key.split("/"):
        fail(f"the manifest lists {key}, which is outside of the backup")
    for path in (os.path.join(folder, os.path.basename(key)), os.path.join(folder, key[len(prefix):])):
        if os.path.isfile(path):
            return path
    fail(f"{key} is missing")


def check_objects(folder, manifest):
    for record in manifest["objects"]:
        path = locate(folder, manifest, record)
        if os.path.getsize(path) != record["sealed_size"] or sha256(path) != record["sealed_sha256"]:
            fail(f"{path} is not what the manifest says")


def pour(folder, manifest, stream, identity, command):
    """age -d of every segment | zstd -d | command. Ends the script where one of them fails."""
    records = sorted((o for o in manifest["objects"] if o["stream"] == stream), key=lambda o: o["segment"])
    if not records or [o["segment"] for o in records] != list(range(len(records))):
        fail(f"the manifest does not list {stream} whole")
    zstd = subprocess.Popen(["zstd", "-dc"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    last = subprocess.Popen(command, stdin=zstd.stdout)
    zstd.stdout.close()
    codes = []
    for record in records:
        path = locate(folder, manifest, record)
        codes.append(subprocess.run(["age", "-d", "-i", identity, path], stdout=zstd.stdin).returncode)
        if codes[-1] != 0:
            break
    zstd.stdin.close()
    codes += [zstd.wait(), last.wait()]
    if any(codes):
        fail(f"{stream}: age, zstd or {command[0]} failed; the target may be half filled")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--identity", required=True, help="identity.txt, with `# trust:` lines")
    parser.add_argument("--trust", action="append", default=[], help="a public signing key, ed25519:…")
    parser.add_argument("--restore", metavar="DATABASE")
    parser.add_argument("--into", metavar="DATABASE", help="exists already, and is empty")
    parser.add_argument("--globals", action="store_true")
    options = parser.parse_args()

    with open(options.identity, encoding="utf-8") as file:
        in_identity = re.findall(r"^# trust: (ed25519:[A-Za-z0-9+/]{43}=)\s*$", file.read(), re.M)
    manifest = read_manifest(options.folder, options.trust or in_identity)
    check_objects(options.folder, manifest)

    if options.globals:
        return pour(options.folder, manifest, "globals.sql.zst", options.identity, ["cat"])
    if options.restore is None:
        print(f"{manifest['name']} of {manifest['instance']['name']}, {manifest['created_at']}: all hashes match")
        for content in manifest["contents"]:
            print(f"  {content['name']}")
        return None
    streams = [c["stream"] for c in manifest["contents"] if c["name"] == options.restore]
    if not streams:
        fail(f"the backup holds no database {options.restore}")
    command = ["pg_restore", "--exit-on-error"]
    if options.into is None:
        # The archive creates its database, with its owner, encoding and locale.
        command += ["--create", "--dbname=postgres"]
    else:
        quoted = options.into.replace("\\", "\\\\").replace("'", "\\'")
        command += [f"--dbname=dbname='{quoted}'"]
    pour(options.folder, manifest, streams[0], options.identity, command)
    return None


main()
