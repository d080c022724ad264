"""One server: its ports, its folder, its process and the supervisor that watches it."""

import array
import contextlib
import errno
import glob
import json
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
import urllib.request

import config
import loopback
from versions import LabError, Lock, binary_dir, home, install, kind, site_dir, venv_dir

# The placeholders of the embedded server's configuration template.
PORT_KEYS = [
    "proxy",
    "proxy_internal",
    "root_coord",
    "query_coord",
    "query_node",
    "index_coord",
    "index_node",
    "data_coord",
    "data_node",
    "etcd",
    "etcd_peer",
    "metrics",
]


def port_free(port):
    """Whether the server can bind the port, and nobody listens on it."""
    families = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::1"))
    for family, address in families:
        try:
            probe = socket.socket(family, socket.SOCK_STREAM)
        except OSError:
            continue
        with probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # TIME_WAIT is no owner
            try:
                probe.bind((address, port))
            except OSError as error:
                if error.errno in (errno.EADDRINUSE, errno.EACCES):
                    return False
    return True


def pick_ports(count, taken, first=20000, last=32000):
    """Free ports below the ephemeral range, where no outgoing connection can sit."""
    found = []
    start = (os.getpid() * 37) % (last - first)
    for step in range(last - first):
        port = first + (start + step) % (last - first)
        if port not in taken and port_free(port):
            found.append(port)
            if len(found) == count:
                return found
    raise LabError("no free ports")


def all_instances():
    """Every server of this home, of whichever run."""
    found = []
    run = os.path.join(home(), "run")
    for pattern in ("*", os.path.join("*", "*")):
        for path in sorted(glob.glob(os.path.join(run, pattern, "instance.json"))):
            try:
                with open(path) as file:
                    found.append(json.load(file))
            except (OSError, ValueError):
                pass  # going away
    return found


def save(instance):
    path = os.path.join(instance["dir"], "instance.json")
    with open(path + ".tmp", "w") as out:
        json.dump(instance, out, indent=1)
    os.replace(path + ".tmp", path)


def create(name, folder, spec):
    """Notes a new server with ports of its own; does not start it.

    `spec`: version, auth, tls (0, 1 or 2), port, settings (dotted key to YAML), insert_mb,
    query_qps, flush_qps, ddl_qps, bind, log_level, fast_etcd, wheel_dir.
    """
    version = spec["version"]
    install(version, spec.get("wheel_dir"))
    rates = {key: spec.get(key) for key in ("insert_mb", "query_qps", "flush_qps", "ddl_qps")}
    settings = {**config.quota_settings(version, **rates), **(spec.get("settings") or {})}
    tls = spec.get("tls") or 0
    if kind(version) != "embedded" and (spec.get("auth") or tls or settings):
        raise LabError("Milvus Lite has no authentication, TLS or settings")
    instance = {
        "name": name,
        "version": version,
        "dir": folder,
        "auth": bool(spec.get("auth")),
        "tls": tls,
        "certs": config.make_certs(os.path.join(home(), "certs")) if tls else None,
        "settings": settings,
        "bind": spec.get("bind") or "loopback",
        "log_level": spec.get("log_level") or "warn",
        "fast_etcd": bool(spec.get("fast_etcd")),
    }
    keys = PORT_KEYS if kind(version) == "embedded" else ["proxy"]
    wanted = spec.get("port")
    # Ports are chosen and noted one server at a time.
    with Lock(os.path.join(home(), "run", ".ports")):
        taken = {port for other in all_instances() if other["dir"] != folder for port in other["ports"].values()}
        if wanted and (wanted in taken or not port_free(wanted)):
            raise LabError(f"{name}: port {wanted} is in use")
        instance["ports"] = dict(zip(keys, pick_ports(len(keys), taken | {wanted})))
        if wanted:
            instance["ports"]["proxy"] = wanted
        make_folder(folder)
        save(instance)
    return instance


def make_folder(path):
    """Not its parents: a run folder that is gone stays gone."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(path)


def start_time(pid):
    """Kernel start time of a live pid: with the pid it names one process for good."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else int(fields[19])


def alive(instance):
    pid = instance.get("pid")
    return pid is not None and start_time(pid) is not None and start_time(pid) == instance.get("pid_start")


def healthy(instance):
    ports = instance["ports"]
    try:
        if "metrics" in ports:
            with urllib.request.urlopen(f"http://127.0.0.1:{ports['metrics']}/healthz", timeout=5) as reply:
                if b"OK" not in reply.read():
                    return False
        socket.create_connection(("127.0.0.1", ports["proxy"]), timeout=2).close()
        return True
    except (OSError, ValueError):
        return False


def wait_for_ports(instance):
    """A server that was just killed needs a moment to let go of its sockets."""
    for _ in range(100):
        busy = [f"{key}={port}" for key, port in instance["ports"].items() if not port_free(port)]
        if not busy:
            return
        time.sleep(0.1)
    raise LabError(f"{instance['name']}: ports in use: {', '.join(busy)}")


def launch(instance, timeout=120, lifeline=None, keep=(), gate=contextlib.nullcontext()):
    """Starts the server under a supervisor and waits until it answers.

    The server is killed when `lifeline` (a pipe's read end) ends; without one it outlives its
    starter. `keep` are descriptors that the supervisor holds open as long as it lives. `gate` is
    held while the supervisor inherits them.
    """
    folder = instance["dir"]
    for name in ("configs", "logs", "data", "run"):
        make_folder(os.path.join(folder, name))
    if kind(instance["version"]) == "embedded":
        config.render(instance)
    wait_for_ports(instance)
    began = time.monotonic()
    with gate, open(os.path.join(folder, "logs", "supervisor.log"), "ab") as log:
        supervisor = subprocess.Popen(
            [sys.executable, "-B", os.path.abspath(__file__), folder, "held" if lifeline is not None else "free"],
            stdin=subprocess.DEVNULL if lifeline is None else lifeline,
            stdout=subprocess.PIPE,
            stderr=log,
            pass_fds=keep,
            start_new_session=True,
        )
    with supervisor.stdout as out:
        line = out.readline()
    if not line.strip():
        raise LabError(f"{instance['name']}: the supervisor failed; see {folder}/logs")
    instance["pid"] = int(line)
    instance["pid_start"] = start_time(instance["pid"])
    instance["supervisor"] = supervisor.pid
    save(instance)
    while time.monotonic() - began < timeout:
        if healthy(instance):
            instance["startup_s"] = round(time.monotonic() - began, 2)
            save(instance)
            return supervisor
        if not alive(instance):
            with open(os.path.join(folder, "logs", "stderr.log"), errors="replace") as log:
                tail = log.read()[-1500:]
            raise LabError(f"{instance['name']}: the server died on start; the end of its stderr:\n{tail}")
        time.sleep(0.05)
    stop(instance, kill=True)
    raise LabError(f"{instance['name']}: not healthy in {timeout} s; see {folder}/logs")


def stop(instance, kill=False, grace=2.0):
    """Ends the server. Milvus ignores SIGTERM for minutes, so it gets `grace` seconds and SIGKILL."""
    if not alive(instance):
        return "not running"
    began = time.monotonic()
    gentle = signal.SIGINT if kind(instance["version"]) == "lite" else signal.SIGTERM
    os.kill(instance["pid"], signal.SIGKILL if kill else gentle)
    while alive(instance) and time.monotonic() - began < grace:
        time.sleep(0.02)
    how = "killed" if kill else "stopped"
    if alive(instance):
        os.kill(instance["pid"], signal.SIGKILL)
        how = "killed after the grace"
        while alive(instance):
            time.sleep(0.02)
    return f"{how} in {time.monotonic() - began:.1f} s"


def describe(instance):
    """What a client of the server wants to know."""
    certs = None
    if instance["tls"]:
        names = {"ca": "ca.pem", "client": "client.pem", "client_key": "client.key"}
        certs = {key: os.path.join(instance["certs"], file) for key, file in names.items()}
    scheme, host = ("https", "localhost") if instance["tls"] else ("http", "127.0.0.1")
    return {
        "name": instance["name"],
        "version": instance["version"],
        "uri": f"{scheme}://{host}:{instance['ports']['proxy']}",
        "port": instance["ports"]["proxy"],
        "ports": sorted(instance["ports"].values()),
        "pid": instance.get("pid"),
        "alive": alive(instance),
        "auth": instance["auth"],
        "tls": instance["tls"],
        "certs": certs,
        "dir": instance["dir"],
        "startup_s": instance.get("startup_s"),
    }


def command(instance):
    """The server's argv and what it needs in its environment."""
    version, folder, ports = instance["version"], instance["dir"], instance["ports"]
    data = os.path.join(folder, "data")
    if kind(version) == "embedded":
        binary = binary_dir(version)
        environment = {
            "DEPLOY_MODE": "STANDALONE",
            "METRICS_PORT": str(ports["metrics"]),
            "MILVUS_RUN_DIR": os.path.join(folder, "run"),
            "LD_LIBRARY_PATH": binary,
            # Collecting garbage took an eighth of both cores; memory is not short.
            "GOGC": "400",
        }
        return [os.path.join(binary, "milvus"), "run", "standalone"], environment
    address = f"127.0.0.1:{ports['proxy']}"
    if kind(version) == "native":
        lib = os.path.join(site_dir(version), "milvus_lite", "lib")
        argv = [os.path.join(lib, "milvus"), os.path.join(data, "milvus.db"), address, "ERROR"]
        return argv, {"LD_LIBRARY_PATH": lib}
    program = os.path.join(venv_dir(version), "bin", "milvus-lite")
    return [program, "server", "--data-dir", data, "--host", "127.0.0.1", "--port", str(ports["proxy"])], {}


def become_server(instance, supervisor, channel, hook):
    """In the forked child: turns into the server. Never returns."""
    try:
        loopback.die_with_parent(signal.SIGKILL)
        if os.getppid() != supervisor:
            os._exit(1)  # it died before the kernel was asked
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        os.setsid()
        folder = instance["dir"]
        os.chdir(folder)
        append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(os.open(os.path.join(folder, "logs", "stdout.log"), append, 0o644), 1)
        os.dup2(os.open(os.path.join(folder, "logs", "stderr.log"), append, 0o644), 2)
        if hook:
            listener = loopback.trap(loopback.trapped_calls(instance["version"]))
            descriptors = array.array("i", [listener])
            channel.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)])
        else:
            channel.send(b"x")
        argv, environment = command(instance)
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        os.closerange(3, 256)
        os.execve(argv[0], argv, {**inherited, **environment})
    except BaseException as error:  # noqa: BLE001 - nothing may get past the fork
        os.write(2, f"exec: {error!r}\n".encode())
    os._exit(127)


def supervise(folder, held):
    """Starts the server of `folder`, prints its pid, and stays until the server has ended.

    With `held`, the end of standard input means that the starter is gone: the server is killed.
    """
    with open(os.path.join(folder, "instance.json")) as file:
        instance = json.load(file)
    hook = kind(instance["version"]) == "embedded" and instance["bind"] == "loopback"
    ours, theirs = socket.socketpair()
    supervisor = os.getpid()
    pid = os.fork()
    if pid == 0:
        become_server(instance, supervisor, theirs, hook)
    theirs.close()
    _, ancillary, _, _ = ours.recvmsg(1, socket.CMSG_SPACE(4))
    listener = struct.unpack("i", ancillary[0][2][:4])[0] if ancillary else None
    print(pid, flush=True)
    os.close(1)

    ended = os.pidfd_open(pid)
    own = loopback.own_ipv4()
    poll = select.poll()
    poll.register(ended, select.POLLIN)
    if held:
        poll.register(0, 0)  # only its end matters, and POLLHUP is always reported
    if listener is not None:
        poll.register(listener, select.POLLIN)
    running = True
    while running:
        for descriptor, events in poll.poll():
            if descriptor == ended:
                running = False
            elif descriptor == 0:
                os.kill(pid, signal.SIGKILL)
                poll.unregister(0)
            elif not events & select.POLLIN or not loopback.answer_one(listener, own, sys.stderr):
                poll.unregister(listener)
    _, status = os.waitpid(pid, 0)
    print(f"server {pid} ended: {os.waitstatus_to_exitcode(status)}", file=sys.stderr)


def remove(instance):
    shutil.rmtree(instance["dir"], ignore_errors=True)


if __name__ == "__main__":
    supervise(sys.argv[1], sys.argv[2] == "held")
