"""Prints what this Python and this system lack for the virtualenv: `python -c probe.py FLAVOUR (build|wheels) (new|old)`."""

import ctypes.util
import importlib.util
import json
import os
import shutil
import sys
import sysconfig

flavour, source, age = sys.argv[1:4]
lacking = []
if age == "new" and not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
    lacking.append("venv")
if flavour == "c" and source == "build":
    if not shutil.which("gcc"):
        lacking.append("compiler")
    if not os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h")):
        lacking.append("headers")
    if not shutil.which("pg_config") or not os.path.exists("/usr/include/postgresql/libpq-fe.h"):
        lacking.append("libpq_headers")
elif flavour != "binary" and not ctypes.util.find_library("pq"):
    lacking.append("libpq")
print(json.dumps({"version": "%d.%d" % sys.version_info[:2], "new_enough": sys.version_info >= (3, 10), "lacking": lacking}))
