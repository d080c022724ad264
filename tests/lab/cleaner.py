"""Drops what tests made on the shared servers, in the background and one thing at a time.

A server that holds hundreds of loaded collections becomes slow. Nothing waits for this, and nothing
fails because of it: a server may be gone, and a test may have dropped its things itself.
"""

import queue
import re
import sys
import threading

from grpc_call import Refused, call, check, fields, text_field, texts

# Of one call, in seconds.
TIMEOUT = 20


class Cleaner:
    """The databases and collections of one server that nobody uses any more."""

    def __init__(self, port):
        self.port = port
        self.jobs = queue.Queue()
        threading.Thread(target=self.work, daemon=True).start()

    def drop(self, database, collection):
        """Asks for the end of a collection, or of a database and all that is in it."""
        if collection:
            self.jobs.put((self.drop_collection, (database, collection)))
        else:
            self.jobs.put((self.drop_database, (database,)))

    def sweep(self, pid):
        """Asks for the end of everything that a test process named as its own."""
        self.jobs.put((self.drop_all_of, (pid,)))

    def work(self):
        while True:
            job, arguments = self.jobs.get()
            try:
                job(*arguments)
            except (OSError, Refused, ValueError, IndexError) as error:
                print(f"not dropped on {self.port}: {arguments}: {error}", file=sys.stderr, flush=True)

    def ask(self, rpc, *names):
        """Calls with a database's name, which is field 2, and perhaps one more, which is field 3."""
        request = b"".join(text_field(number, name) for number, name in enumerate(names, 2) if name)
        return call(self.port, rpc, request, TIMEOUT)

    def look(self, rpc, wanted, *names):
        """The texts in a field of an answer whose first field is the status."""
        message = self.ask(rpc, *names)
        for number, value in fields(message):
            if number == 1:
                check(value)
        return texts(message, wanted)

    def drop_collection(self, database, collection):
        for alias in self.look("DescribeCollection", 9, database, collection):
            check(self.ask("DropAlias", database, alias))
        # Dropping a loaded collection alone leaves its rows in memory for a while.
        self.ask("ReleaseCollection", database, collection)
        check(self.ask("DropCollection", database, collection))

    def drop_database(self, database):
        for collection in self.look("ShowCollections", 2, database):
            self.drop_collection(database, collection)
        check(self.ask("DropDatabase", database))

    def drop_all_of(self, pid):
        own = re.compile(rf"_{pid}_\d+(_|$)")
        try:
            databases = self.look("ListDatabases", 2)
        except Refused:
            databases = []  # Milvus Lite 2.5 has none
        for database in filter(own.search, databases):
            self.drop(database, "")
        for collection in filter(own.search, self.look("ShowCollections", 2, "")):
            self.drop("", collection)
