#!/usr/bin/env python3
"""Starts and stops real Milvus servers on 127.0.0.1, for tests and benchmarks.

Python 3.9 or newer, its standard library only, on x86_64 Linux 5.9 or newer. Installs the servers
that PyPI packages carry:

  2.3.5    embedded Milvus (`milvus==2.3.5`): the real standalone server
  2.2.16   embedded Milvus (`milvus==2.2.16`)
  lite3    `milvus-lite==3.2.2`: a re-implementation in Python that speaks the gRPC protocol
  lite25   `milvus-lite==2.5.1`: Milvus 2.5's C++ core in one small process (no databases,
           partitions, aliases, authentication or GetVersion)

  milvus_lab.py start src --version 2.3.5 --port 19530
  milvus_lab.py start dst --version 2.3.5 --port 19630 --auth --tls 1 --insert-mb 4
  milvus_lab.py list [--json]
  milvus_lab.py restart src [--kill] ; milvus_lab.py stop dst ; milvus_lab.py stop --all
  milvus_lab.py wipe dst                        deletes the data of a stopped server
  milvus_lab.py serve --owner PID:START         the servers of a test run; see serve.py

Everything is under $MILVUS_LAB_HOME (default: ~/.cache/milvus-ferry/lab): venvs/ and run/NAME/,
which has instance.json, configs/, data/ and logs/.
"""

import argparse
import json
import os
import re
import sys

sys.dont_write_bytecode = True

import config
import instance
from serve import serve
from versions import VERSIONS, LabError, home, install

ALIASES = {"lite": "lite3", "3.2.2": "lite3", "2.5.1": "lite25"}


def named(name):
    for each in instance.all_instances():
        if each["name"] == name and each["dir"] == os.path.join(home(), "run", name):
            return each
    raise LabError(f"no server {name!r}")


def by_hand():
    """The servers that `start` started, not those of a `serve`."""
    run = os.path.join(home(), "run")
    return [each for each in instance.all_instances() if os.path.dirname(each["dir"]) == run]


def line(each):
    state = "running" if instance.alive(each) else "down"
    return f"{each['name']} {each['version']} {instance.describe(each)['uri']} {state} pid={each.get('pid')}"


def start(arguments):
    if not re.fullmatch(r"[A-Za-z0-9._-]+", arguments.name) or arguments.name.startswith("serve-"):
        raise LabError(f"bad name {arguments.name!r}")
    folder = os.path.join(home(), "run", arguments.name)
    if os.path.exists(os.path.join(folder, "instance.json")):
        if not arguments.fresh:
            raise LabError(f"{arguments.name} is there; restart it, wipe it, or say --fresh")
        each = named(arguments.name)
        instance.stop(each, kill=True)
        instance.remove(each)
    spec = dict(vars(arguments))
    spec["version"] = ALIASES.get(arguments.version, arguments.version)
    spec["settings"] = dict(setting.split("=", 1) for setting in arguments.set)
    each = instance.create(arguments.name, folder, spec)
    instance.launch(each, arguments.timeout)
    print(json.dumps(instance.describe(each)) if arguments.json else line(each))


def list_servers(arguments):
    if arguments.json:
        print(json.dumps([instance.describe(each) for each in by_hand()], indent=1))
    else:
        for each in by_hand():
            print(line(each))


def chosen(arguments):
    if not arguments.names and not arguments.all:
        raise LabError("name a server, or say --all")
    return by_hand() if arguments.all else [named(name) for name in arguments.names]


def stop(arguments):
    for each in chosen(arguments):
        print(each["name"], instance.stop(each, arguments.kill, arguments.grace))


def restart(arguments):
    for each in chosen(arguments):
        instance.stop(each, arguments.kill, arguments.grace)
        instance.launch(each, arguments.timeout)
        print(line(each))


def wipe(arguments):
    for each in chosen(arguments):
        if instance.alive(each):
            raise LabError(f"{each['name']} runs: stop it first")
        instance.remove(each)
        print(each["name"], "wiped")


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)

    def add(name, run):
        command = commands.add_parser(name)
        command.set_defaults(run=run)
        return command

    command = add("install", lambda a: print(install(ALIASES.get(a.version, a.version), a.wheel_dir)))
    command.add_argument("version")
    command.add_argument("--wheel-dir")

    command = add("start", start)
    command.add_argument("name")
    command.add_argument("--version", default="2.3.5", help=", ".join(VERSIONS))
    command.add_argument("--port", type=int)
    command.add_argument("--auth", action="store_true", help="authentication on (root, Milvus)")
    command.add_argument("--tls", type=int, choices=(0, 1, 2), default=0, help="1: server, 2: mutual")
    command.add_argument("--insert-mb", type=float, help="limit of inserts and deletes, MB/s")
    command.add_argument("--query-qps", type=float)
    command.add_argument("--flush-qps", type=float)
    command.add_argument("--ddl-qps", type=float)
    command.add_argument("--set", action="append", default=[], metavar="DOTTED.KEY=YAML")
    command.add_argument("--bind", choices=("loopback", "any"), default="loopback")
    command.add_argument("--log-level", default="warn")
    command.add_argument("--fast-etcd", action="store_true", help="etcd without fsync")
    command.add_argument("--fresh", action="store_true", help="delete this name's old data first")
    command.add_argument("--timeout", type=float, default=120)
    command.add_argument("--wheel-dir")
    command.add_argument("--json", action="store_true")

    command = add("list", list_servers)
    command.add_argument("--json", action="store_true")
    for name, run in (("stop", stop), ("restart", restart), ("wipe", wipe)):
        command = add(name, run)
        command.add_argument("names", nargs="*")
        command.add_argument("--all", action="store_true")
        command.add_argument("--kill", action="store_true", help="a crash instead of a clean stop")
        command.add_argument("--grace", type=float, default=2, help="seconds before SIGKILL")
        command.add_argument("--timeout", type=float, default=120)

    command = add("certs", lambda a: print(config.make_certs(os.path.abspath(a.folder))))
    command.add_argument("folder")

    command = add("serve", lambda a: serve(a.owner))
    command.add_argument("--owner", required=True, metavar="PID:START", help="the process that the run ends with")
    return parser.parse_args()


def main():
    arguments = parse()
    try:
        arguments.run(arguments)
    except LabError as error:
        print(f"milvus_lab: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
