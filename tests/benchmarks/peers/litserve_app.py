"""The bundle behind LitServe.

Choices: `LitServer` and `LitAPI` with their defaults (one worker process, one API process, no
batching, 30 s timeout). The image is the raw body and the answer raw bytes, since the JSON of the
quick start would cost it a base64 that nobody needs. accelerator="cpu" is what "auto" finds here.
Batching: the documented `max_batch_size` and `batch_timeout`; a batch is what `predict` makes of a
list, see Work.infer_many.
"""

from typing import Annotated, Any

import litserve as ls
from fastapi import Body, Response

from tests.benchmarks.peers.work import MEDIA_TYPE, Work, batch_size, port

BATCH_TIMEOUT_S = 0.01


class Maps(ls.LitAPI):  # type: ignore[misc]
    """decode, predict and encode run one after the other in the worker process."""

    def setup(self, device: str) -> None:
        del device
        self.work = Work()

    def decode_request(self, request: Annotated[bytes, Body(media_type="image/jpeg")]) -> Any:
        return self.work.decode(request)

    def batch(self, inputs: list[Any]) -> list[Any]:
        return inputs

    def predict(self, x: Any) -> Any:
        if isinstance(x, list):
            return list(zip(x, self.work.infer_many(x), strict=True))
        return x, self.work.infer(x)

    def unbatch(self, output: list[Any]) -> list[Any]:
        return output

    def encode_response(self, output: Any) -> Response:
        return Response(self.work.encode(*output), media_type=MEDIA_TYPE)


def main() -> None:
    """Serve until a signal."""
    size = batch_size()
    options = {} if size == 1 else {"max_batch_size": size, "batch_timeout": BATCH_TIMEOUT_S}
    api = Maps(api_path="/v1/predict", **options)
    server = ls.LitServer(api, accelerator="cpu")
    server.run(host="127.0.0.1", port=port(), generate_client_file=False)


if __name__ == "__main__":
    main()
