"""Errors with the words of the Go server."""

from __future__ import annotations

import errno
import os
from typing import Optional

GO_TEXT = {
    errno.ENOENT: "no such file or directory",
    errno.EROFS: "read-only file system",
    errno.ENOSPC: "no space left on device",
    errno.EACCES: "permission denied",
    errno.EPERM: "operation not permitted",
    errno.ENOTEMPTY: "directory not empty",
    errno.EEXIST: "file exists",
    errno.ENOTDIR: "not a directory",
    errno.EISDIR: "is a directory",
}


class ApiError(Exception):
    """Ends a request with this status and `{"error": message}`."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status
        self.message = message


class PathError(Exception):
    """A file operation that failed, as Go prints it: `open /path: no such file or directory`."""

    def __init__(self, op: str, path: str, number: int, target: Optional[str] = None):
        self.errno = number
        text = GO_TEXT.get(number) or os.strerror(number).lower()
        super().__init__(f"{op} {path}{' ' + target if target else ''}: {text}")


class ClientGone(Exception):
    """The client closed its connection; the request log says 499 as long as it waited for a model, 500 afterwards."""

    def __init__(self, status: int = 500):
        super().__init__("client closed its connection")
        self.status = status


class file_op:
    """Turns an OSError in its body into a PathError."""

    def __init__(self, op: str, path: object, target: object = None):
        self.op, self.path, self.target = op, str(path), str(target) if target else None

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if isinstance(error, OSError) and error.errno is not None:
            raise PathError(self.op, self.path, error.errno, self.target) from error


def make_dirs(path: str) -> None:
    """mkdir -p that names the directory which could not be made."""
    if os.path.isdir(path):
        return
    parent = os.path.dirname(path)
    if parent and parent != path:
        make_dirs(parent)
    try:
        os.mkdir(path, 0o755)
    except FileExistsError:
        return
    except OSError as error:
        raise PathError("mkdir", path, error.errno or 0) from error


def write_in_place(path: str, content: bytes) -> None:
    """Truncates, then writes: whoever reads in between sees an empty file."""
    with file_op("open", path):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        with file_op("write", path):
            os.write(file, content)
    finally:
        os.close(file)
