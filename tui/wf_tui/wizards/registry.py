"""The table of all wizards: keys, commands, help and read-only mode follow from it."""

from __future__ import annotations

from collections.abc import Mapping

from wf_tui.wizards.base import Wizard
from wf_tui.wizards.decom import DECOM_CHECK
from wf_tui.wizards.erase import ERASE

#: By their ids.
WIZARDS: Mapping[str, Wizard] = {wizard.id: wizard for wizard in (ERASE, DECOM_CHECK)}
