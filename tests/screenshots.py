"""Takes the README's pictures: `make screenshots`.

The real console on a real private server, driven by keys, as a user would: it composes a WorkReq that is
refused, erases a satellite, stops the erasure, and looks at what that left behind.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from textual.pilot import Pilot

from wf_tui.app import WfApp
from wf_tui.grpc_gateway import GrpcGateway
from wf_tui.private_server import PrivateServer

SIZE = (112, 32)
SITE = "aap"
PATIENCE = 60.0


class Camera:
    """Presses keys, waits for what should appear, and saves pictures."""

    def __init__(self, pilot: Pilot[None], out: Path) -> None:
        self._pilot = pilot
        self._out = out

    async def press(self, *keys: str, until: str) -> None:
        """Presses keys and waits until the screen shows a text."""
        await self._pilot.press(*keys)
        await self.until(lambda: until in self._text())

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits for the console to get somewhere."""
        async with asyncio.timeout(PATIENCE):
            while not condition():
                await self._pilot.pause(0.1)
        await self._pilot.pause(0.3)

    def take(self, name: str) -> None:
        """Saves what the console shows."""
        path = self._out / f"{name}.svg"
        path.write_text(self._pilot.app.export_screenshot(title="wf-tui", simplify=True))
        print(f"wrote {path}")

    def shows(self, text: str) -> bool:
        """Whether the screen shows a text."""
        return text in self._text()

    def _text(self) -> str:
        # The picture's text without its markup: spaces are hard ones in it.
        return self._pilot.app.export_screenshot(simplify=True).replace("&#160;", " ")


async def walk(camera: Camera) -> None:
    """All of it, from the empty list on."""
    await camera.press(until="No workflows")
    camera.take("workflows-empty")
    await compose(camera)
    await erase(camera)
    await look_back(camera)


async def compose(camera: Camera) -> None:
    """Three jobs with a violation, as form and as text; refused, and kept."""
    await camera.press("c", "enter", *"SatelliteDiskErase", until="has no blocks")
    await camera.press("enter", *"two machines", "enter", "b", *"check", "enter", "enter", until="no jobs")
    await camera.press("n", "F", until="tokenBucket to the first block")
    await camera.until(
        lambda: not camera.shows("another value") and camera.shows("validateDecom is required")
    )
    await camera.press("F", until="argument site is missing")
    await camera.press("b", *"erase", "enter", "enter", "f", *SITE, "enter", until="50 machines known")
    await camera.press(*"aa00-aa01", until="2 jobs in this block")
    camera.take("composer-machines")
    await camera.press("enter", until="site differs")
    # What an edit says has gone by then.
    await camera.until(lambda: not camera.shows("Added"))
    await camera.press("n", "enter", until="ctrl+l")
    camera.take("composer")
    await camera.press("ctrl+t", "f8", until="rateLimit")
    camera.take("composer-text")
    await camera.press("ctrl+s", until="Submit this WorkReq")
    await camera.press("right", "enter", until="Mend SatelliteDiskErase")
    await camera.press("escape", "escape", "R", until="1 rejection,")
    await camera.press("enter", "n", until="Violation")
    await camera.until(lambda: not camera.shows("server refused"))
    camera.take("rejection")
    await camera.press("K", until="Workflow types and their policies")
    camera.take("catalogue")
    await camera.press("w", until="No workflows")


async def erase(camera: Camera) -> None:
    """The main job, from the choice of a satellite to the stopped erasure."""
    await camera.press("e", until="can be erased")
    camera.take("wizard-site")
    await camera.press("enter", until="Token")
    await camera.until(lambda: camera.shows("1 of 1 token"))
    camera.take("wizard-checks")
    await camera.press("enter", until="check pre-conditions")
    camera.take("wizard-plan")
    await camera.press("enter", until="would accept")
    await camera.press("enter", until="cannot be brought back")
    await camera.press(*SITE, until="cannot be brought back")
    camera.take("wizard-confirm")
    await camera.press("enter", until="running")
    # Some blocks in, and the running jobs half way.
    await camera.until(lambda: camera.shows("✓ completed 20") and camera.shows("50%"))
    camera.take("workflow-running")
    await camera.press("s", until="Stop now")
    camera.take("stop-dialog")
    await camera.press("enter", until="interrupted")
    camera.take("workflow-stopped")
    await camera.press("S", until="WORKFLOW TYPE")
    camera.take("stops")


async def look_back(camera: Camera) -> None:
    """When the blocks of the stopped erasure ran, how it stood before, and how the whole is now."""
    await camera.press("w", "enter", until="stopped")
    await camera.press("T", until="Timeline")
    camera.take("timeline")
    await camera.press("escape", "H", "pageup", until="as of")
    camera.take("history")
    await camera.press("P", until="Round trip")
    camera.take("pulse")


async def main(out: Path) -> None:
    """Saves all pictures below `out`."""
    out.mkdir(exist_ok=True)
    with TemporaryDirectory(prefix="wf-") as directory:
        async with PrivateServer(Path(directory)) as server:
            gateway = GrpcGateway(server.address)
            app = WfApp(gateway, pause_seconds=2)
            async with app.run_test(size=SIZE) as pilot:
                await walk(Camera(pilot, out))
            await gateway.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
