"""Taking samples: from workers that stay up and from fresh processes, each sample checked."""

import datetime
import http.client
import ipaddress
import json
import os
import statistics
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import certifi
import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from rows import FEW, MANY
from subjects import AGENT_ID

HERE = Path(__file__).resolve().parent


class Bench:
    """A server, a worker for each subject, and the means to measure them; a context manager."""

    def __init__(self, pythons):
        self.pythons = pythons
        self.workers, self.bare, self.nonces = {}, {}, set()
        self.processes = ExitStack()

    def __enter__(self):
        folder = Path(self.processes.enter_context(tempfile.TemporaryDirectory()))
        key = ec.generate_private_key(ec.SECP256R1())
        self.public_key, self.key_file = key.public_key(), folder / "key.pem"
        self.key_file.write_bytes(_pem(key))
        certificate, trusted = folder / "server.pem", folder / "trusted.pem"
        certificate.write_bytes(_certificate())
        # Among the usual ones: reading those is what a cold https client spends much time on.
        trusted.write_bytes(Path(certifi.where()).read_bytes() + certificate.read_bytes())
        # Nothing of this shell's may slow down, redirect or speed up what is measured.
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self.environment = {**kept, "SSL_CERT_FILE": str(trusted), "TMPDIR": str(folder)}
        self.server = self._start([self.pythons["ours"], HERE / "server.py", certificate])
        self.urls = json.loads(self.server.stdout.readline())
        where = urlsplit(self.urls["http"])
        self.asking = http.client.HTTPConnection(where.hostname, where.port)
        return self

    def __exit__(self, *_):
        self.processes.close()

    def _start(self, command):
        process = subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, env=self.environment,
        )  # fmt: skip
        return self.processes.enter_context(process)  # leaving closes its input, and it ends

    def sample(self, row, subject, n):
        """One sample of a row: seconds of CPU, kilobytes, or milliseconds, per operation."""
        match row.kind:
            case "batch":
                return self._batch(row, subject, row.job, n)["cpu"] / n
            case "growth":
                count = MANY if subject == "ours" else FEW
                return self._batch(row, "ours", f"{row.job}:{count}", n)["cpu"] / n
            case "saving":
                return self._batch(row, subject, f"{row.job}:{MANY}", n)["wall"] / n * 1000
            case "process" | "https process":
                return self._fresh(row, subject)[0]
            case "memory":
                return float(self._fresh(row, subject)[1])

    def warm_up(self, row, subject):
        """Do it once, for caches of all kinds and what the job makes at its first use."""
        if row.kind in ("batch", "growth", "saving"):
            job = row.job if row.kind == "batch" else f"{row.job}:{MANY}"
            job = f"{row.job}:{FEW}" if subject == "few" else job
            worker = "ours" if subject == "few" else subject
            self._order(row, worker, job, 1)
            self._seen()  # with the requests that the preparation made
        elif row.kind != "memory":
            self._fresh(row, subject)

    # -- workers

    def _order(self, row, subject, job, n):
        # What is held for the growth rows would slow the garbage collector in all others.
        apart = row.kind in ("growth", "saving")
        name = subject, apart, row.scheme
        if name not in self.workers:
            script = HERE / "worker.py"
            command = [self.pythons[subject], "-s", script, subject, self.urls[row.scheme]]
            self.workers[name] = self._start([*command, self.key_file])
        worker = self.workers[name]
        worker.stdin.write(json.dumps({"job": job, "n": n}) + "\n")
        worker.stdin.flush()
        line = worker.stdout.readline()
        answer = json.loads(line) if line else {"error": "the worker died"}
        if "error" in answer:
            raise RuntimeError(f"{subject} failed at {job}: {answer['error']}")
        return answer

    def _batch(self, row, subject, job, n):
        self._order(row, subject, job, row.width)  # opens connections anew that idled too long
        self._seen()
        answer = self._order(row, subject, job, n)
        self._check(row, subject, n, row.scheme, answer["signed"])
        if row.job == "sign" and len(answer["signed"]) != n:
            raise RuntimeError(f"{subject} did not sign {n} attestations")
        return answer

    # -- fresh processes

    def _fresh(self, row, subject):
        """CPU seconds without those of an interpreter that does nothing, and what was printed."""
        scheme = "https" if row.kind.startswith("https") else "http"
        bare = self.bare.setdefault(subject, [])
        for _ in range(1 if len(bare) > 5 else 6):
            bare.append(self._process("nothing", subject, scheme)[0])
        self._seen()
        cpu, output = self._process(row.job, subject, scheme)
        self._check(row, subject, 1, scheme, [])
        return cpu - statistics.median(bare), output

    def _process(self, job, subject, scheme):
        python, url = self.pythons[subject], self.urls[scheme]
        command = [python, "-s", HERE / "fresh.py", job, subject, url, self.key_file]
        read, write = os.pipe()
        child = os.posix_spawn(
            python, [str(part) for part in command], self.environment,
            file_actions=[(os.POSIX_SPAWN_DUP2, write, 1)],
        )  # fmt: skip
        os.close(write)
        with os.fdopen(read) as pipe:
            output = pipe.read()
        _, status, usage = os.wait4(child, 0)
        if status:
            raise RuntimeError(f"{subject} failed at {job} in a fresh process")
        return usage.ru_utime + usage.ru_stime, output

    # -- checks

    def _seen(self):
        self.asking.request("GET", "/bench/seen")
        return json.loads(self.asking.getresponse().read())

    def _check(self, row, subject, n, scheme, signed):
        """Every operation made its requests, and every attestation is valid and a new one."""
        seen = self._seen()
        if seen["requests"] != n * row.requests:
            raise RuntimeError(
                f"{subject} made {seen['requests']} requests in {n} times {row.name}, "
                f"not {n * row.requests}"
            )
        sent = [json.loads(body)["agent_attestation"] for body in seen["attested"]]
        for attestation in sent + signed:
            self._check_attestation(attestation, self.urls[scheme])

    def _check_attestation(self, attestation, url):
        try:
            claims = jwt.decode(
                attestation, self.public_key, ["ES256"], audience=[url, f"{url}/ath/token"],
                options={"require": ["iss", "sub", "aud", "iat", "exp", "jti"]},
            )  # fmt: skip
        except jwt.PyJWTError as error:
            raise RuntimeError(f"an attestation is not valid: {error}") from error
        if claims["sub"] != AGENT_ID or claims["jti"] in self.nonces:
            raise RuntimeError("an attestation was used twice, or is somebody else's")
        self.nonces.add(claims["jti"])


def _pem(key):
    kind = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption())


def _certificate():
    """A throw-away certificate for loopback, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "scripts/bench")])
    loopback = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    day, now = datetime.timedelta(days=1), datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - day).not_valid_after(now + day)
    builder = builder.add_extension(loopback, critical=False)
    signed = builder.sign(key, hashes.SHA256())
    return _pem(key) + signed.public_bytes(serialization.Encoding.PEM)
