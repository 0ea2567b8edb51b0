"""POST /v2/models/NAME/infer: images in, maps out."""

import time

from fastapi import APIRouter, Request, Response

from server.http.infer_exchange import infer_exchange
from server.kserve.catalog import open_model
from server.kserve.openapi import infer_answer, infer_body
from server.kserve.response import InferResponse
from server.routes.contract import ALWAYS, WITH_A_MODEL, WITH_IMAGES
from server.routes.kserve.contract import MODEL, PREFIX, sentences
from server.service import Service

router = APIRouter(prefix=PREFIX)
# 406 is of /v1: here the request itself says how its numbers travel.
_STATUSES = {*ALWAYS, *WITH_A_MODEL, *WITH_IMAGES} - {406}
_RESPONSES = {**infer_answer(), **sentences(*_STATUSES)}


@router.post(
    f"{MODEL[0]}/infer",
    response_model=InferResponse,
    responses=_RESPONSES,
    openapi_extra=infer_body(),
)
@router.post(
    f"{MODEL[1]}/infer",
    response_model=InferResponse,
    responses=_RESPONSES,
    openapi_extra=infer_body(),
)
async def infer_maps(request: Request, name: str, version: str | None = None) -> Response:
    """Images in, maps out.

    Inputs: `image`, and for flow `next_image`: BYTES `[B]` are encoded images (binary, or base64 in
    the JSON), UINT8 `[B, H, W, 3]` are RGB pixels. Outputs: `labels`, `label_confidence`, `depth`,
    `depth_uncertainty`, `flow`, `flow_uncertainty`, by default all that the inputs allow. With
    `Inference-Header-Content-Length: 0` the body is one encoded image and nothing else.
    """
    started_s = time.monotonic()
    service: Service = request.app.state.service
    model = open_model(service, name, version)
    return await infer_exchange(
        request, service=service, model=model, version=version, started_s=started_s
    )
