# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The head that every page has: its own style, and a policy by which nothing else is loaded or run."""

from __future__ import annotations

import base64
import hashlib

from .markup import Markup, element, fragment


def page_head(title: str, style: str) -> Markup:
    """``style`` is ours alone, and its hash is in the policy."""
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy(style)),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", title),
        element("style", fragment(Markup(style))),
    )


def policy(style: str) -> str:
    """Whatever a name might smuggle in, the page loads nothing, runs nothing and sends nothing."""
    known = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{known}'; base-uri 'none'; form-action 'none'"
