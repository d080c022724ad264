"""Servers for one test process: started on demand, gone when the process is gone.

Reads JSON lines from standard input and answers each with one JSON line on standard output.

The first line is the servers to begin with: {"servers": {NAME: SPEC, ...}} (see instance.create for
a SPEC); the answer, {"servers": {NAME: {...}}}, comes when all of them are healthy. Then:

    {"id": 7, "cmd": "start", "name": "t", "spec": {...}}     a further server
    {"id": 8, "cmd": "start", "name": "t"}                    one that was killed or stopped
    {"id": 9, "cmd": "restart", "name": "t", "kill": true}    kill: a crash instead of a clean stop
    {"id": 10, "cmd": "kill", "name": "t"}                    leaves its data
    {"id": 11, "cmd": "stop", "name": "t"}                    leaves its data
    {"id": 12, "cmd": "remove", "name": "t"}                  kills it and deletes its data

Commands run side by side, so answers may come in another order; `id` says what each answers.
An answer is {"id": .., "server": {...}} or {"id": .., "error": "..."}.

Nothing is left behind, whatever happens to this process or to the one that started it. Every
supervisor (and the sweeper) reads from the lifeline, a pipe whose only writer is this process; its
end makes each supervisor kill its server, and the sweeper remove the run folder as soon as all
supervisors are gone. The lock on the run folder is held by all of them: a run folder that nobody
locks is a leftover of a sweeper that was killed too, and the next run removes it.
"""

import fcntl
import json
import os
import shutil
import signal
import sys
import threading

import instance as servers
from versions import LabError, Lock, home

PREFIX = "serve-"


def sweep_leftovers(run):
    """Removes the folders of runs that no process holds any more."""
    for name in os.listdir(run):
        folder = os.path.join(run, name)
        if not name.startswith(PREFIX):
            continue
        try:
            descriptor = os.open(os.path.join(folder, ".lock"), os.O_RDWR)
        except OSError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            pass  # it is alive
        finally:
            os.close(descriptor)


class Run:
    """The folder of this run, the lifeline and the sweeper."""

    def __init__(self):
        run = os.path.join(home(), "run")
        with Lock(os.path.join(run, ".runs")):
            sweep_leftovers(run)
            self.folder = os.path.join(run, f"{PREFIX}{os.getpid()}-{servers.start_time(os.getpid())}")
            os.makedirs(self.folder)
            self.lock = os.open(os.path.join(self.folder, ".lock"), os.O_RDWR | os.O_CREAT, 0o644)
            fcntl.flock(self.lock, fcntl.LOCK_EX)
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
        shutil.rmtree(self.folder, ignore_errors=True)
        os._exit(0)

    def end(self):
        os.close(self.alive)
        os.close(self.still_there)
        os.waitpid(self.sweeper, 0)


class Session:
    """The servers of this run and the commands on them."""

    def __init__(self, run):
        self.run = run
        self.servers = {}
        self.locks = {}
        self.output = threading.Lock()

    def answer(self, message):
        with self.output:
            sys.stdout.write(json.dumps(message) + "\n")
            sys.stdout.flush()

    def launch(self, server):
        keep = (self.run.still_there, self.run.lock)
        server["watch"] = servers.launch(server["instance"], lifeline=self.run.lifeline, keep=keep)

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
        self.launch(server)
        return servers.describe(server["instance"])

    def end(self, name, kill):
        server = self.servers.get(name)
        if server is None:
            raise LabError(f"no server {name!r}")
        servers.stop(server["instance"], kill=kill)
        if server.get("watch"):
            server["watch"].wait()
        return servers.describe(server["instance"])

    def carry_out(self, request):
        command, name = request.get("cmd"), request.get("name")
        with self.locks.setdefault(name, threading.Lock()):
            if command == "start":
                return self.start(name, request.get("spec"))
            if command == "restart":
                self.end(name, bool(request.get("kill")))
                return self.start(name, None)
            if command in ("kill", "stop"):
                return self.end(name, command == "kill")
            if command == "remove":
                last = self.end(name, True)
                servers.remove(self.servers.pop(name)["instance"])
                return last
        raise LabError(f"unknown command {command!r}")

    def reply(self, request):
        try:
            self.answer({"id": request.get("id"), "server": self.carry_out(request)})
        except Exception as error:  # noqa: BLE001 - whatever it is, the asker gets to know
            self.answer({"id": request.get("id"), "error": str(error) or repr(error)})

    def start_all(self, specs):
        """The servers of the first line, all at once."""
        started, failed = {}, []

        def start(name, spec):
            try:
                started[name] = self.start(name, spec)
            except Exception as error:  # noqa: BLE001 - whatever it is, the asker gets to know
                failed.append(str(error) or repr(error))

        threads = [threading.Thread(target=start, args=item) for item in specs.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failed:
            self.answer({"error": "; ".join(failed)})
        else:
            self.answer({"servers": started})


def serve(spec=None):
    """Runs until standard input ends."""
    try:
        os.setsid()  # a Ctrl-C in the terminal is for the tests, which then end our input
    except OSError:
        pass  # a process group leader already
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    run = Run()
    signal.signal(signal.SIGTERM, lambda *_: (run.end(), os._exit(0)))
    session = Session(run)
    try:
        first = spec or sys.stdin.readline()
        if first.strip():
            session.start_all(json.loads(first).get("servers", {}))
        for line in sys.stdin:
            request = json.loads(line)
            threading.Thread(target=session.reply, args=(request,), daemon=True).start()
    finally:
        # Threads may be in the middle of a start: whatever they start meets a lifeline that has ended.
        run.end()
        os._exit(0)
