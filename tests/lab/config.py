"""The configuration of one embedded Milvus server, and throw-away certificates for it."""

import os
import re
import shutil
import subprocess

from versions import Lock, site_dir

COMPONENTS = (
    "rootCoord",
    "proxy",
    "queryCoord",
    "queryNode",
    "indexCoord",
    "indexNode",
    "dataCoord",
    "dataNode",
)

# The embedded etcd ignores etcd.endpoints for listening and always takes 2379 and 2380 unless it
# is handed a file of its own: without this only one server can run.
ETCD = """name: default
data-dir: {data}
listen-client-urls: http://127.0.0.1:{client}
advertise-client-urls: http://127.0.0.1:{client}
listen-peer-urls: http://127.0.0.1:{peer}
initial-advertise-peer-urls: http://127.0.0.1:{peer}
initial-cluster: default=http://127.0.0.1:{peer}
unsafe-no-fsync: {unsafe}
auto-compaction-mode: revision
auto-compaction-retention: "1000"
"""

KEY = re.compile(r"^( *)([A-Za-z0-9_.\-]+?):(?:\s+([^#]*?))?(\s+#.*)?$")


def yaml_set(text, dotted, value):
    """Sets a dotted key in the server's block-style YAML, adding it if it is missing."""
    want = dotted.split(".")
    lines = text.split("\n")
    stack = []
    depth, at, indent = 0, -1, -2  # how much of the key is there, and where
    for number, line in enumerate(lines):
        match = None if line.lstrip().startswith("#") else KEY.match(line.rstrip())
        if not match:
            continue
        here, key = len(match.group(1)), match.group(2)
        while stack and stack[-1][0] >= here:
            stack.pop()
        stack.append((here, key))
        path = [name for _, name in stack]
        if path == want:
            lines[number] = f"{' ' * here}{key}: {value}"
            return "\n".join(lines)
        if path == want[: len(path)] and len(path) > depth:
            depth, at, indent = len(path), number, here
    missing = want[depth:]
    new = [" " * (indent + 2 + 2 * i) + f"{key}:" for i, key in enumerate(missing)]
    new[-1] += f" {value}"
    if at < 0:
        lines += new
    else:
        lines[at] = re.sub(r":\s*(#.*)?$", ":", lines[at])
        lines[at + 1 : at + 1] = new
    return "\n".join(lines)


def quota_settings(version, insert_mb=None, query_qps=None, flush_qps=None, ddl_qps=None):
    """The rate limits of the short options, as dotted settings."""
    q = "quotaAndLimits."
    out = {}
    if insert_mb:
        operations = ["insertRate", "deleteRate"] + (["upsertRate"] if version != "2.2.16" else [])
        out.update({f"{q}dml.{operation}.max": str(insert_mb) for operation in operations})
        out[q + "dml.enabled"] = "true"
    if query_qps:
        out.update({q + "dql.enabled": "true", q + "dql.queryRate.max": str(query_qps)})
    if flush_qps:
        out.update({q + "flushRate.enabled": "true", q + "flushRate.max": str(flush_qps)})
    if ddl_qps:
        out[q + "ddl.enabled"] = "true"
        out[q + "ddl.collectionRate"] = out[q + "ddl.partitionRate"] = str(ddl_qps)
    return out


def render(instance):
    """Writes milvus.yaml and etcd.yaml of an embedded server into its folder."""
    version, folder, ports = instance["version"], instance["dir"], instance["ports"]
    source = os.path.join(site_dir(version), "milvus", "data")
    logs, store = os.path.join(folder, "logs"), os.path.join(folder, "data")
    certs = instance["certs"] or ""
    values = {
        "etcd_log_path": os.path.join(logs, "etcd.log"),
        "system_log_path": logs,
        "etcd_data_dir": os.path.join(store, "etcd.data"),
        "local_storage_dir": store,
        "rocksmq_data_dir": os.path.join(store, "rocksmq"),
        "rocketmq_data_dir": os.path.join(store, "rocketmq"),
        "authorization_enabled": "true" if instance["auth"] else "false",
        "tls_mode": str(instance["tls"]),
        "server_pem_path": os.path.join(certs, "server.pem"),
        "server_key_path": os.path.join(certs, "server.key"),
        "ca_pem_path": os.path.join(certs, "ca.pem"),
        "etcd_log_level": "warn",
        "system_log_level": instance["log_level"],
        "log_stdout": "false",
    }
    values.update({f"{name}_port": str(port) for name, port in ports.items()})

    def fill(match):
        key, _, default = match.group(1).strip().partition(":")
        return values.get(key.split("(")[0].strip(), default.strip())

    with open(os.path.join(source, "config.yaml.template"), encoding="utf-8") as template:
        text = re.sub(r"\{\{(.*?)\}\}", fill, template.read())
    if version == "2.2.16":
        # `endpoints` is a block list there: its item line has to go.
        text = re.sub(r"(?m)^  endpoints:\n    - localhost:\d+.*\n", "  endpoints: x\n", text)

    configs = os.path.join(folder, "configs")
    etcd = os.path.join(configs, "etcd.yaml")
    with open(etcd, "w", encoding="utf-8") as out:
        unsafe = "true" if instance["fast_etcd"] else "false"
        out.write(
            ETCD.format(data=values["etcd_data_dir"], client=ports["etcd"], peer=ports["etcd_peer"], unsafe=unsafe)
        )
    endpoint = f"127.0.0.1:{ports['etcd']}"
    settings = {
        "etcd.endpoints": f'["{endpoint}"]' if version == "2.2.16" else endpoint,
        "etcd.config.path": etcd,
        "log.level": instance["log_level"],
        "log.stdout": "false",
    }
    if version == "2.3.5":
        settings.update({f"{component}.ip": "127.0.0.1" for component in COMPONENTS})
    settings.update(instance["settings"])
    for key, value in settings.items():
        text = yaml_set(text, key, value)
    with open(os.path.join(configs, "milvus.yaml"), "w", encoding="utf-8") as out:
        out.write(text)
    glog = os.path.join(source, "glog.conf")
    if os.path.exists(glog):
        shutil.copy(glog, configs)


def make_certs(folder):
    """A throw-away CA, a server (localhost, 127.0.0.1) and a client certificate, by openssl."""
    with Lock(os.path.join(folder, ".lock")):
        if os.path.exists(os.path.join(folder, ".made")):
            return folder

        def openssl(*arguments):
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
            subprocess.run(["openssl", *arguments], check=True, cwd=folder, **quiet)

        with open(os.path.join(folder, "san.cnf"), "w") as out:
            out.write("subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n")
        openssl(
            *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-keyout", "ca.key"),
            *("-out", "ca.pem", "-subj", "/CN=milvus-lab-ca"),
        )
        for who, name in (("server", "localhost"), ("client", "milvus-lab-client")):
            openssl(
                *("req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{who}.key"),
                *("-out", f"{who}.csr", "-subj", f"/CN={name}"),
            )
            openssl(
                *("x509", "-req", "-in", f"{who}.csr", "-CA", "ca.pem", "-CAkey", "ca.key"),
                *("-CAcreateserial", "-days", "3650", "-extfile", "san.cnf", "-out", f"{who}.pem"),
            )
        open(os.path.join(folder, ".made"), "w").close()
    return folder
