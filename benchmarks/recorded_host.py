#!/usr/bin/python3 -ISB
"""Stands in for Python on a managed host: answers each module with what a real host answered to the very same call.

Ansible hands it a module as it would hand it to Python, in a pipe or in a file. It runs none of it: the module's name
and its arguments are the key to the answer. Where `python` lies beside it (a path in a file), that Python does run the
module, and the answer is kept. Names of inventory hosts and of temporary files are alike for all hosts; each host has
this program under its own name, and a Docker engine of its own.
A call that was never recorded is an error, so a benchmark cannot go another way than the real host went.
"""

import ast
import json
import os
import re
import subprocess
import sys
from hashlib import blake2b

HERE = os.path.dirname(os.path.realpath(__file__))
ANSWERS = os.path.join(HERE, "answers")
REAL = os.path.join(HERE, "python")
CALLS = "/tmp/corral-bench-calls"
ENGINE = re.compile(r'("same_engine_key": ")([^"]*)')
OWN = re.compile(r"recorded-\d{3}|ansible-tmp-[\w.-]+|corral-[0-9a-f]{16}\.json")


def call_of(program):
    """(module, arguments) of a packed module, without what Ansible adds of its own."""
    said = dict(re.findall(r"^(module_fqn|params)=(.*),$", program, re.M))
    if len(said) != 2:
        return "a program", {"text": program}
    given = json.loads(ast.literal_eval(said["params"]))["ANSIBLE_MODULE_ARGS"]
    return ast.literal_eval(said["module_fqn"]), {k: v for k, v in given.items() if not k.startswith("_ansible_")}


def text_of(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def really(program):
    """What the real Python of a real host makes of it."""
    command = [text_of(REAL).strip(), *sys.argv[1:]]
    done = subprocess.run(command, input=program if len(sys.argv) == 1 else None, capture_output=True, text=True)
    sys.stderr.write(done.stderr)
    return {"rc": done.returncode, "stdout": done.stdout}


def main():
    program = sys.stdin.read() if len(sys.argv) == 1 else text_of(sys.argv[1])
    module, given = call_of(program)
    text = OWN.sub("one", json.dumps(given, sort_keys=True))
    path = os.path.join(ANSWERS, module.rpartition(".")[2] + "-" + blake2b(text.encode(), digest_size=8).hexdigest())
    if os.path.exists(REAL):
        answer = really(program)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(answer, file)
    else:
        if not os.path.exists(path):
            sys.exit("never recorded: " + module + " " + text)
        with open(CALLS, "ab") as file:
            file.write(b".")
        answer = json.loads(text_of(path))
    sys.stdout.write(ENGINE.sub(r"\1\2/" + os.path.basename(sys.argv[0]), answer["stdout"]))
    sys.exit(answer["rc"])


main()
