"""The two environments that are compared: this checkout, and the official SDK from the index."""

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
OFFICIAL = "ath-sdk==0.1.0"


def ensure():
    """Python of each subject, made on first need; starts again in ours if it runs elsewhere.

    Ours has what checks the measurements: httpx, cryptography, PyJWT.
    """
    if sys.platform != "linux" or sys.version_info < (3, 11):
        sys.exit("scripts/bench needs Python 3.11 or newer on Linux")
    import tomllib  # older versions get as far as the message above

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    ours = _environment("ours", ["--editable", str(ROOT)], str(project["dependencies"]))
    official = _environment("official", [OFFICIAL], OFFICIAL)
    if Path(sys.prefix).resolve() != ours.parent.parent.resolve():
        os.execv(ours, [str(ours), *sys.argv])
    return {"ours": ours, "official": official, "httpx": ours}


def _environment(name, install, wanted):
    folder = ROOT / f".venv-bench-{name}"
    python, stamp = folder / "bin" / "python", folder / "installed"
    mark = hashlib.sha256(f"{sys.version_info[:2]} {wanted}".encode()).hexdigest()
    if not stamp.exists() or stamp.read_text() != mark:
        print(f"setting up {folder.name}", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        if subprocess.run([*command, *install], check=False).returncode:
            sys.exit("the installation failed; see above")
        stamp.write_text(mark)
    return python
