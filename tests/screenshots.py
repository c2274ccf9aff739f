"""Takes the README's pictures: `make screenshots`.

The real console on a real private server, driven by keys, as a user would: it erases a satellite, and
stops the erasure.
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
    """The main job, from the empty list to the stopped erasure."""
    await camera.press(until="No workflows")
    camera.take("workflows-empty")
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
