#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A control socket that answers from a table.  usage: ctl_server.py SOCKET TABLE LOG

The table is text.  "> REQUEST" begins an answer, the lines that follow are sent as they are; a
request that stands there several times gets these answers in turn, and the last one from then on.
What stands before the first request is the greeting.  Lines that begin with "!" are deeds:

    !close          hang up
    !stay           say nothing more, and do not hang up
    !raw HEX        send these bytes
    !repeat N TEXT  send a line N times

A request that is not in the table is answered with "error 22".  Each request is added to LOG as
one line.  The server runs until it is ended; the socket is there once it listens.
"""
import os
import socket
import sys
import threading


class Hangup(Exception):
    pass


def read_table(path):
    greeting, answers = [], {}
    lines = greeting
    with open(path, encoding="utf-8") as f:
        for line in f.read().split("\n")[:-1]:
            if line.startswith("> "):
                lines = []
                answers.setdefault(line[2:], []).append(lines)
            else:
                lines.append(line)
    return greeting, answers


class Server:
    def __init__(self, table, log):
        self.greeting, self.answers = read_table(table)
        self.log = log
        self.lock = threading.Lock()

    def answer_to(self, request):
        with self.lock:
            with open(self.log, "a", encoding="utf-8", errors="replace") as f:
                f.write(request + "\n")
            turns = self.answers.get(request)
            if turns is None:
                return ["error 22 the table has no '%s'" % request]
            return turns.pop(0) if len(turns) > 1 else turns[0]

    def send(self, conn, lines):
        for line in lines:
            if line == "!close":
                raise Hangup
            if line == "!stay":
                while conn.recv(4096):
                    pass
                raise Hangup
            if line.startswith("!raw "):
                conn.sendall(bytes.fromhex(line[5:]))
            elif line.startswith("!repeat "):
                _, times, text = line.split(" ", 2)
                conn.sendall((text + "\n").encode() * int(times))
            else:
                conn.sendall((line + "\n").encode())

    def talk(self, conn):
        try:
            self.send(conn, self.greeting)
            with conn.makefile("r", encoding="utf-8", errors="replace") as requests:
                for request in requests:
                    self.send(conn, self.answer_to(request.rstrip("\r\n")))
        except (Hangup, OSError):
            pass
        finally:
            conn.close()


def main():
    path, table, log = sys.argv[1:]
    server = Server(table, log)
    listener = socket.socket(socket.AF_UNIX)
    # Under another name until it listens: who sees it can connect.
    listener.bind(path + ".new")
    listener.listen(16)
    os.rename(path + ".new", path)
    while True:
        conn, _ = listener.accept()
        threading.Thread(target=server.talk, args=(conn,), daemon=True).start()


if __name__ == "__main__":
    main()
