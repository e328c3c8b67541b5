"""The same answer behind LitServe, as ``/v1/predict`` computes it; run by ``serving.py``."""

import sys
from pathlib import Path
from typing import Any

import litserve  # type: ignore[import-not-found]  # no dependency of the project
from fastapi import Request

from blemish.answers import answer
from blemish.inference import Segmenter
from blemish.prediction import ModelIdentity


class Api(litserve.LitAPI):  # type: ignore[misc]  # as above
    """Decodes, infers and measures as our own server does."""

    def setup(self, device: str) -> None:
        """Load the model, once a worker."""
        del device
        self.segmenter = Segmenter.from_bytes(Path(sys.argv[1]).read_bytes())
        fingerprint = self.segmenter.card.fingerprint
        self.identity = ModelIdentity(
            name="blemish",
            version=1,
            alias="champion",
            precision="fp32",
            fingerprint=fingerprint,
            git_commit=None,
        )

    def decode_request(self, request: Request) -> bytes:
        """Return the image of a form."""
        form: Any = request  # what arrives is its form
        image: bytes = form["request"].file.read()
        return image

    def predict(self, x: bytes) -> dict[str, Any]:
        """Answer."""
        return answer(x, self.segmenter).to_prediction(self.identity).model_dump(mode="json")

    def encode_response(self, output: dict[str, Any]) -> dict[str, Any]:
        """Send it as JSON."""
        return output


if __name__ == "__main__":
    server = litserve.LitServer(Api(), accelerator="cpu", workers_per_device=2)
    server.run(host="127.0.0.1", port=int(sys.argv[2]), generate_client_file=False)
