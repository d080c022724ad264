"""The Milvus servers that PyPI packages carry: where they are kept and how they are installed."""

import fcntl
import lzma
import os
import shutil
import signal
import subprocess
import sys

import loopback

VERSIONS = {
    "2.3.5": {"packages": ["milvus==2.3.5"], "kind": "embedded"},
    "2.2.16": {"packages": ["milvus==2.2.16"], "kind": "embedded"},
    "lite3": {"packages": ["milvus-lite==3.2.2", "pymilvus==3.0.2"], "kind": "lite"},
    "lite25": {"packages": ["milvus-lite==2.5.1"], "kind": "native"},
}


class LabError(Exception):
    """Anything that stops the lab, in one sentence."""


def home():
    """The folder of everything that the lab installs and runs; outside the source tree."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    default = os.path.join(cache, "milvus-ferry", "lab")
    return os.path.abspath(os.environ.get("MILVUS_LAB_HOME") or default)


class Lock:
    """Holds an exclusive lock on a file: several test runs may share the home."""

    def __init__(self, path):
        self.path = path

    def __enter__(self):
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        self.file = open(self.path, "w")
        fcntl.flock(self.file, fcntl.LOCK_EX)
        return self

    def close(self):
        """A forked child that closes it leaves the lock to its parent."""
        self.file.close()

    def __exit__(self, *_):
        self.close()


def kind(version):
    return VERSIONS[version]["kind"]


def venv_dir(version):
    return os.path.join(home(), "venvs", "srv-" + version)


def site_dir(version):
    lib = os.path.join(venv_dir(version), "lib")
    for name in sorted(os.listdir(lib)):
        path = os.path.join(lib, name, "site-packages")
        if os.path.isdir(path):
            return path
    raise LabError(f"no site-packages under {lib}")


def binary_dir(version):
    """Where the unpacked binary of an embedded server is."""
    return os.path.join(venv_dir(version), "milvus-bin")


def install(version, wheel_dir=None):
    """Creates the virtual environment of a version once, and unpacks its server binary once."""
    if version not in VERSIONS:
        raise LabError(f"unknown version {version!r}; there are {', '.join(VERSIONS)}")
    folder = venv_dir(version)
    done = os.path.join(folder, ".installed")
    with Lock(os.path.join(home(), "venvs", f".{version}.lock")):
        if not os.path.exists(done):
            install_packages(version, folder, wheel_dir)
            with open(done, "w") as mark:
                mark.write("\n".join(VERSIONS[version]["packages"]))
        if kind(version) == "embedded":
            unpack_binary(version)
    return folder


def install_packages(version, folder, wheel_dir):
    shutil.rmtree(folder, ignore_errors=True)
    run([sys.executable, "-m", "venv", folder])
    command = [os.path.join(folder, "bin", "pip"), "install", "-q", "--disable-pip-version-check"]
    if wheel_dir:
        command += ["--find-links", wheel_dir]
    if kind(version) != "lite":
        command += ["--no-deps"]  # only the binary that it carries is used
    run(command + VERSIONS[version]["packages"])


def run(command):
    """Runs it to its end, or to the end of this process if that comes first."""
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, preexec_fn=die_with_installer, timeout=500
    )
    if done.returncode != 0:
        raise LabError(f"{' '.join(command)} failed: {done.stdout.decode(errors='replace')[-1500:]}")


def die_with_installer():
    loopback.die_with_parent(signal.SIGKILL)


def unpack_binary(version):
    source = os.path.join(site_dir(version), "milvus", "data", "bin")
    folder = binary_dir(version)
    mark = os.path.join(folder, ".unpacked")
    if os.path.exists(mark):
        return
    os.makedirs(folder, exist_ok=True)
    for name in sorted(os.listdir(source)):
        if not name.endswith(".lzma"):
            continue
        path = os.path.join(folder, name[: -len(".lzma")])
        with lzma.open(os.path.join(source, name)) as packed, open(path + ".tmp", "wb") as out:
            shutil.copyfileobj(packed, out, 1 << 20)
        os.chmod(path + ".tmp", 0o755)
        os.replace(path + ".tmp", path)
    open(mark, "w").close()
