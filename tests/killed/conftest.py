# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In memory too: a kill loses nothing that was written, so waiting for the disk would prove nothing here."""

from ansible_collections.corral.ollama.tests.unit.conftest import (  # noqa: F401
    pytest_configure,
    pytest_sessionfinish,
    pytest_unconfigure,
)
