# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading from an AWX controller, from where the playbook runs. What changes it is done by the modules of awx.awx."""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, Request, build_opener

from ..module_utils.core.errors import CorralError

PREFIX = "/api/v2/"
PAGE = 200
LIMIT = 32 * 1024 * 1024
MOST = 20000


class ControllerError(CorralError):
    """The controller cannot be reached, refuses, or answers what is not its API."""

    kind = "controller_error"


class _Stay(HTTPRedirectHandler):
    """Follows nowhere: the token is for one address only."""

    def redirect_request(self, *_request: Any) -> None:
        return None


class Controller:
    """GET only; with a token, or with a name and a password. Every failure is a ControllerError."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        address = str(options["hostname"]).rstrip("/")
        self.url = address if "://" in address else f"https://{address}"
        if not self.url.startswith(("https://", "http://")):
            raise ControllerError(
                f"{self.url} is no address of a controller.", remedy="Set awx_hostname to an https URL."
            )
        login = f"{options['username']}:{options['password']}".encode()
        kind, secret = ("Bearer", options["token"]) if options["token"] else ("Basic", base64.b64encode(login).decode())
        self._headers = {"Authorization": f"{kind} {secret}", "Accept": "application/json"}
        self._timeout = options["timeout"]
        trust = ssl.create_default_context()
        if not options["validate_certs"]:
            trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
        # Made once: the authorities of the system take longer to read than most answers.
        self._opener = build_opener(HTTPSHandler(context=trust), _Stay())

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """The object at ``path``, which is below /api/v2/ or begins with it."""
        where = path if path.startswith("/") else f"{PREFIX}{path}"
        url = f"{self.url}{where}{'?' + urlencode(query) if query else ''}"
        try:
            with self._opener.open(Request(url, headers=self._headers), timeout=self._timeout) as answer:
                text = answer.read(LIMIT + 1)
        except HTTPError as error:
            raise self._refused(where, error) from error
        except Exception as error:  # what an unreachable address raises depends on the libraries
            message = f"The controller {self.url} cannot be reached: {error}."
            raise ControllerError(
                message, kind="controller_gone", remedy="Check awx_hostname and the network."
            ) from error
        try:
            value = json.loads(text) if len(text) <= LIMIT else None
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise ControllerError(
                f"{self.url} answers {where} with something that is not AWX's JSON.",
                remedy="Check that awx_hostname is the address of the controller itself.",
            )
        return value

    def all(self, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        """What a list holds, page by page."""
        answer = self.get(path, page_size=PAGE, **query)
        count = 0
        while True:
            for entry in answer.get("results") or []:
                if isinstance(entry, dict):
                    count += 1
                    yield entry
            following = answer.get("next")
            if not isinstance(following, str) or not following.startswith("/") or count > MOST:
                return
            answer = self.get(following)

    def _refused(self, where: str, error: HTTPError) -> ControllerError:
        reason = {
            401: "it does not accept the credentials",
            403: "this user may not read it",
            404: "it has no such page",
        }.get(error.code, f"it answers with {error.code}")
        remedy = {
            401: "Check awx_token, or awx_username and awx_password.",
            403: "Configure AWX as an administrator of the organization.",
        }.get(error.code, f"Check that {urlsplit(self.url).netloc} is an AWX controller, 24 or later.")
        return ControllerError(
            f"The controller {self.url} refuses {where}: {reason}.", remedy=remedy, status=error.code
        )
