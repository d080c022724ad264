"""The servers of one test run: started on demand, shared by its test processes, gone with it.

`serve --owner PID:START` makes sure that the run of this owner has a lab, and returns. The owner is
a test process, or the test runner that starts one process per test; START is its kernel start time.
The lab is a process of its own, which listens at run/serve-OWNER-START-LAB/socket, in a folder that
only this user can enter. A connection reads JSON lines and gets one JSON line for each that has an
id:

    {"id": 7, "cmd": "share", "name": "a", "spec": {...}}     a server that all connections share
    {"id": 8, "cmd": "start", "name": "t", "spec": {...}}     one that ends with this connection
    {"id": 9, "cmd": "start", "name": "t"}                    one that was killed or stopped
    {"id": 10, "cmd": "kill", "name": "t"}                    leaves its data
    {"id": 11, "cmd": "stop", "name": "t"}                    leaves its data
    {"id": 12, "cmd": "remove", "name": "t"}                  kills it and deletes its data
    {"cmd": "drop", "name": "a", "database": "d", "collection": "c"}      in the background

Commands run side by side, so answers may come in another order; `id` says what each answers.
An answer is {"id": .., "server": {...}} or {"id": .., "error": "..."}; see instance.create for a
spec. When a connection ends, so do its own servers, and what its process made on the shared ones
under names of its own (NAME_PID_NUMBER) is dropped.

Nothing is left behind, whatever happens to this process or to the owner. The end of the owner ends
this process, also in the middle of a start. Every supervisor (and the sweeper) reads from the
lifeline, a pipe whose only writer is this process; its end makes each supervisor kill its server,
and the sweeper remove the run folder as soon as all supervisors are gone. The lock on the run folder
is held by all of them: a run folder that nobody locks is a leftover of a sweeper that was killed
too, and the next run removes it.
"""

import fcntl
import glob
import json
import os
import select
import shutil
import signal
import socket
import struct
import sys
import threading
import time

import instance as servers
from cleaner import Cleaner
from versions import LabError, Lock, home

PREFIX = "serve-"


def runs():
    return os.path.join(home(), "run")


def sweep_leftovers():
    """Removes the folders of runs that no process holds any more."""
    for folder in glob.glob(os.path.join(runs(), PREFIX + "*")):
        try:
            descriptor = os.open(os.path.join(folder, ".lock"), os.O_RDWR)
        except OSError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove_all(folder)
        except OSError:
            pass  # it is alive
        finally:
            os.close(descriptor)


def remove_all(folder):
    """Removes a folder in which somebody may still be making files."""
    for _ in range(50):
        shutil.rmtree(folder, ignore_errors=True)
        if not os.path.exists(folder):
            return
        time.sleep(0.1)


class Run:
    """The folder of this run, the lifeline and the sweeper."""

    def __init__(self, owner):
        sweep_leftovers()
        self.folder = os.path.join(runs(), f"{PREFIX}{owner}-{os.getpid()}")
        os.mkdir(self.folder, 0o700)
        self.lock = os.open(os.path.join(self.folder, ".lock"), os.O_RDWR | os.O_CREAT, 0o644)
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        self.gate = threading.Lock()  # of the start of supervisors
        self.lifeline, self.alive = os.pipe()
        all_ended, self.still_there = os.pipe()
        self.sweeper = os.fork()
        if self.sweeper == 0:
            self.sweep(all_ended)
        os.close(all_ended)

    def sweep(self, all_ended):
        """In the sweeper: waits for the end of everything, then removes the folder."""
        os.setsid()
        os.close(self.alive)
        os.close(self.still_there)
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        os.read(self.lifeline, 1)
        os.read(all_ended, 1)
        remove_all(self.folder)
        os._exit(0)

    def end(self):
        self.gate.acquire()  # for good: nobody starts a supervisor any more
        os.close(self.alive)
        os.close(self.still_there)
        os.waitpid(self.sweeper, 0)


class Client:
    """One connection: its own servers, and how to answer it."""

    def __init__(self, connection):
        self.connection = connection
        size = struct.calcsize("3i")
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
        self.pid = struct.unpack("3i", credentials)[0]
        self.own = set()
        self.ended = False
        self.output = threading.Lock()

    def answer(self, message):
        try:
            with self.output:
                self.connection.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            pass  # it is gone


class Lab:
    """The servers of this run and the commands on them."""

    def __init__(self, run):
        self.run = run
        self.servers = {}
        self.cleaners = {}
        self.locks = {}

    def start(self, name, spec):
        server = self.servers.get(name)
        if server is None:
            if spec is None:
                raise LabError(f"no server {name!r}")
            folder = os.path.join(self.run.folder, name)
            server = {"instance": servers.create(name, folder, {"fast_etcd": True, **spec})}
            self.servers[name] = server
        elif servers.alive(server["instance"]):
            raise LabError(f"{name} runs already")
        keep = (self.run.still_there, self.run.lock)
        server["watch"] = servers.launch(
            server["instance"], lifeline=self.run.lifeline, keep=keep, gate=self.run.gate
        )
        return servers.describe(server["instance"])

    def share(self, name, spec):
        """The first asker starts it, and the next one after it crashed."""
        server = self.servers.get(name)
        if server is None or not servers.alive(server["instance"]):
            self.start(name, spec)
            server = self.servers[name]
        if name not in self.cleaners:
            self.cleaners[name] = Cleaner(server["instance"]["ports"]["proxy"])
        return servers.describe(server["instance"])

    def end(self, name, kill):
        server = self.servers.get(name)
        if server is None:
            raise LabError(f"no server {name!r}")
        servers.stop(server["instance"], kill=kill)
        if server.get("watch"):
            server["watch"].wait(timeout=60)
        return servers.describe(server["instance"])

    def remove(self, name):
        last = self.end(name, True)
        servers.remove(self.servers.pop(name)["instance"])
        return last

    def carry_out(self, client, request):
        command, name = request.get("cmd"), request.get("name")
        with self.locks.setdefault(name, threading.Lock()):
            if command == "share":
                return self.share(name, request["spec"])
            if client.ended:
                raise LabError("its asker is gone")
            if command == "start":
                return self.start(name, request.get("spec"))
            if command in ("kill", "stop"):
                return self.end(name, command == "kill")
            if command == "remove":
                return self.remove(name)
        raise LabError(f"unknown command {command!r}")

    def reply(self, client, request):
        try:
            client.answer({"id": request["id"], "server": self.carry_out(client, request)})
        except Exception as error:  # noqa: BLE001 - whatever it is, the asker gets to know
            client.answer({"id": request["id"], "error": str(error) or repr(error)})

    def drop(self, request):
        cleaner = self.cleaners.get(request["name"])
        if cleaner:
            cleaner.drop(request["database"], request["collection"])

    def attend(self, client):
        """Reads the requests of a connection to its end, then ends what was its own."""
        try:
            with client.connection.makefile("r") as lines:
                for line in lines:
                    request = json.loads(line)
                    if request["cmd"] == "drop":
                        self.drop(request)
                        continue
                    if request["cmd"] == "start":
                        client.own.add(request["name"])
                    threading.Thread(target=self.reply, args=(client, request), daemon=True).start()
        except (OSError, ValueError, KeyError) as error:
            print(f"a connection ends: {error!r}", file=sys.stderr, flush=True)
        client.ended = True
        client.connection.close()
        for name in client.own:
            with self.locks.setdefault(name, threading.Lock()):
                if name in self.servers:
                    self.remove(name)
        for cleaner in list(self.cleaners.values()):
            cleaner.sweep(client.pid)

    def listen(self, listener, owner):
        """Takes connections until the owner ends."""
        poll = select.poll()
        poll.register(listener, select.POLLIN)
        poll.register(owner, select.POLLIN)
        while True:
            for descriptor, _ in poll.poll():
                if descriptor == owner:
                    return
                client = Client(listener.accept()[0])
                threading.Thread(target=self.attend, args=(client,), daemon=True).start()


def listens(folder):
    """Whether the lab of a run folder takes connections."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            in_folder(folder, lambda: probe.connect("socket"))
            return True
        except OSError:
            return False


def in_folder(folder, act):
    """A socket's path holds 107 bytes only, and the home may be longer than that."""
    back = os.open(".", os.O_RDONLY)
    os.chdir(folder)
    try:
        act()
    finally:
        os.fchdir(back)
        os.close(back)


def open_owner(owner):
    """A descriptor that becomes readable when the owner ends."""
    pid, start = (int(part) for part in owner.split("-"))
    try:
        descriptor = os.pidfd_open(pid)
    except OSError as error:
        raise LabError(f"the owner {pid} of the run: {error}") from error
    if servers.start_time(pid) != start:
        raise LabError(f"the owner {pid} of the run is gone")
    return descriptor


def be_the_lab(owner, ready):
    """In the forked child: becomes the lab of a run. Never returns."""
    os.setsid()  # a Ctrl-C in the terminal is for the tests
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    watched = open_owner(owner)
    run = Run(owner)
    signal.signal(signal.SIGTERM, lambda *_: (run.end(), os._exit(0)))
    try:
        null = os.open(os.devnull, os.O_RDWR)
        log = os.open(os.path.join(run.folder, "lab.log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        for descriptor, source in ((0, null), (1, log), (2, log)):
            os.dup2(source, descriptor)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        in_folder(run.folder, lambda: listener.bind("socket"))
        listener.listen(128)
        os.write(ready, b"x")
        os.close(ready)
        Lab(run).listen(listener, watched)
    finally:
        run.end()
        os._exit(0)


def serve(owner):
    """Starts the lab of a run unless it has one."""
    owner = owner.replace(":", "-")
    with Lock(os.path.join(runs(), ".runs")) as lock:
        if any(map(listens, glob.glob(os.path.join(runs(), f"{PREFIX}{owner}-*")))):
            return
        started, ready = os.pipe()
        if os.fork() == 0:
            os.close(started)
            lock.close()
            try:
                be_the_lab(owner, ready)
            except BaseException as error:  # noqa: BLE001 - nothing may get past the fork
                print(f"milvus_lab: {error}", file=sys.stderr, flush=True)
                os._exit(1)
        os.close(ready)
        if os.read(started, 1) != b"x":
            raise LabError("the lab of this run did not start")
