"""A real S3 server in a process of its own, on this machine."""

import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

ADMIN = ("administrator", "the administrator's secret")


@dataclass(frozen=True)
class S3:
    """The server, and one bucket of it for one test."""

    endpoint: str
    bucket: str

    def address(self, prefix: str) -> str:
        """Of a prefix in the bucket."""
        return f"s3://{self.bucket}/{prefix}"

    def client(self, service: str = "s3"):
        """A client of another library than the one under test, with all rights."""
        import boto3

        key, secret = ADMIN
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            region_name="us-east-1",
        )

    def contents(self, prefix: str) -> dict[str, bytes]:
        """All objects below a prefix."""
        client, found = self.client(), {}
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=f"{prefix}/"):
            for entry in page.get("Contents", ()):
                body = client.get_object(Bucket=self.bucket, Key=entry["Key"])["Body"].read()
                found[entry["Key"].removeprefix(f"{prefix}/")] = body
        return found

    def uploads(self) -> list[str]:
        """Keys of uploads that were begun and not completed."""
        return [upload["Key"] for upload in self.client().list_multipart_uploads(Bucket=self.bucket).get("Uploads", ())]

    def enforce_rights(self, *, after: int | None) -> None:
        """From so many requests on, keys and policies are checked; None: never."""
        body = str(after if after is not None else 10**9).encode()
        self.ask("/moto-api/reset-auth", body)

    def ask(self, path: str, body: bytes = b"") -> None:
        """A request to the server itself."""
        headers = {"Content-Type": "text/plain"}
        urllib.request.urlopen(urllib.request.Request(self.endpoint + path, body, headers, method="POST")).read()

    def user(self, *actions: str) -> dict[str, str]:
        """The environment of a new user who may do these things only."""
        iam, name = self.client("iam"), f"user-{'-'.join(actions)}".replace(":", "-")
        iam.create_user(UserName=name)
        statement = {"Effect": "Allow", "Action": list(actions) or "s3:None", "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=policy)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """The server's address."""
    pytest.importorskip("moto")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        env=environment,
    )
    try:
        for line in process.stderr:
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                break
        else:
            pytest.fail("the server did not start")
        # Nobody reads what it says from here on: a full pipe would stop it.
        import threading

        threading.Thread(target=process.stderr.read, daemon=True).start()
        yield found[0]
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def s3(s3_endpoint, monkeypatch, request, tmp_path) -> Iterator[S3]:
    """An empty bucket, and the environment that leads libraries and subprocesses to it."""
    name = "bucket-" + re.sub(r"\W+|_", "-", request.node.name.lower())[:40].strip("-")
    server = S3(s3_endpoint, name)
    for variable in [v for v in os.environ if v.startswith("AWS_")]:
        monkeypatch.delenv(variable)
    key, secret = ADMIN
    for variable, value in {
        "AWS_ENDPOINT_URL": s3_endpoint,
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(variable, value)
    server.ask("/moto-api/reset")
    server.client().create_bucket(Bucket=name)
    yield server
    server.enforce_rights(after=None)
