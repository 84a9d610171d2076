"""What a code provider does with a gate, and what every party does with a program: say yes or no."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from solidgate.algorithm.pack import pack
from solidgate.errors import AlgorithmChanged
from solidgate.sdk.folder import read_algorithm
from solidgate.sdk.transport import Transport


class CodeCalls(Transport):
    """Calls about programs."""

    async def submit_algorithm(self, space_id: str, path: Path) -> str:
        """Send the program in a folder or package; its digest, as computed here and confirmed there.

        Raises ``AlgorithmChanged`` when the gate computed another digest from the same bytes.
        """
        program = read_algorithm(path)
        package = pack(program.files, program.executables)
        url = self.space(space_id, "algorithm")
        _, content = await self.send("POST", url, content=package, media_type="application/octet-stream")
        if program.digest.encode() not in content:
            raise AlgorithmChanged(f"computed here: {program.digest}")
        return program.digest

    async def approve(
        self, space_id: str, agreement_digest: str, algorithm_digest: str, decision: str = "approve"
    ) -> dict[str, Any]:
        """Say ``approve`` or ``reject`` to exactly this program under exactly these terms."""
        body = {
            "agreement_digest": agreement_digest,
            "algorithm_digest": algorithm_digest,
            "decision": decision,
        }
        return await self.json("POST", self.space(space_id, "approvals"), body)
