#!/usr/bin/env python3
"""Stands in for what keeps comments, runs and artifacts of pull requests: as `gh`, on the files below
$FORGE, and as GitLab's API on loopback (`forge.py serve PORT_FILE`)."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

HOME = pathlib.Path(os.environ["FORGE"])


def load(name, otherwise):
    file = HOME / name
    return json.loads(file.read_text()) if file.exists() else otherwise


def keep(name, value):
    (HOME / name).write_text(json.dumps(value))


def comment(body, number=None):
    comments = load("comments.json", [])
    if number is None:
        user = {"login": "github-actions[bot]"}
        comments.append({"id": 1000 + len(comments), "user": user, "body": body})
    else:
        found = [one for one in comments if one["id"] == number]
        if not found:
            sys.exit(f"no comment {number}")
        found[0]["body"] = body
    keep("comments.json", comments)


def tell(value, options):
    text = json.dumps(value)
    if "--jq" in options:
        subprocess.run(["jq", "-r", options["--jq"]], input=text, text=True, check=True)
    elif "--silent" not in options:
        print(text)


def parse(words, flags):
    options, rest, words = {}, [], list(words)
    while words:
        word = words.pop(0)
        if word in flags:
            options[word] = True
        elif word.startswith("-"):
            options[word] = words.pop(0)
        else:
            rest.append(word)
    return options, rest


def gh(words):
    if not os.environ.get("GH_TOKEN"):
        sys.exit("gh: set the GH_TOKEN environment variable")
    options, rest = parse(words, {"--paginate", "--silent"})
    match rest:
        case ["api", path]:
            match path.split("/"):
                case ["repos", "team", "catalog", "issues", "7", "comments"] if "-F" not in options:
                    tell(load("comments.json", []), options)
                case ["repos", "team", "catalog", "issues", "7", "comments"]:
                    comment(field(options["-F"]))
                case ["repos", "team", "catalog", "issues", "comments", number]:
                    assert options["--method"] == "PATCH"
                    comment(field(options["-F"]), int(number))
                case ["repos", "team", "catalog", "commits", merged, "pulls"]:
                    head = load("pulls.json", {}).get(merged)
                    tell([{"head": {"sha": head}}] if head else [], options)
                case _:
                    sys.exit(f"gh: HTTP 404: {path}")
        case ["run", "list"]:
            assert options["--workflow"] == "milvus-ferry.yml" and options["--event"] == "pull_request"
            runs = load("runs.json", [])
            fits = [run for run in runs if run["head"] == options["--commit"]]
            fits = [run for run in fits if run["status"] == options["--status"]]
            tell([{"databaseId": run["id"]} for run in reversed(fits)], options)
        case ["run", "download", number]:
            folder = HOME / "artifacts" / number / options["--name"]
            if not folder.is_dir():
                sys.exit(f"gh: no artifact {options['--name']} of run {number}")
            shutil.copytree(folder, ".", dirs_exist_ok=True)
        case _:
            sys.exit(f"gh: unknown command {rest}")


def field(text):
    name, value = text.split("=", 1)
    assert name == "body" and value.startswith("@")
    return pathlib.Path(value[1:]).read_text()


class GitLab(BaseHTTPRequestHandler):
    NOTES = "/api/v4/projects/11/merge_requests/7/notes"

    def handle_one(self, number):
        if self.headers["PRIVATE-TOKEN"] != "forge-token":
            return self.answer(401, {"message": "401 Unauthorized"})
        if self.command == "GET":
            return self.answer(200, load("comments.json", []))
        length = int(self.headers["Content-Length"])
        comment(parse_qs(self.rfile.read(length).decode())["body"][0], number)
        return self.answer(200, {})

    def do(self):
        path = urlsplit(self.path).path
        if path == self.NOTES:
            return self.handle_one(None)
        if path.startswith(self.NOTES + "/"):
            return self.handle_one(int(path.rsplit("/", 1)[1]))
        return self.answer(404, {"message": "404 Not Found"})

    do_GET = do_POST = do_PUT = do

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def serve(port_file):
    server = HTTPServer(("127.0.0.1", 0), GitLab)
    partial = pathlib.Path(port_file + ".part")
    partial.write_text(str(server.server_port))
    partial.rename(port_file)
    server.serve_forever()


if sys.argv[1] == "serve":
    serve(sys.argv[2])
else:
    gh(sys.argv[1:])
