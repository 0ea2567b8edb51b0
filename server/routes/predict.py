"""POST /v1/predict: an image, or two, in; maps out."""

import time
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from server.answers.schemas import Summary
from server.http.exchange import exchange
from server.routes.contract import ALWAYS, WITH_A_MODEL, WITH_IMAGES, errors, image_body, maps
from server.routes.query import PredictQuery, said_once
from server.service import Service

router = APIRouter(dependencies=[Depends(said_once)])


@router.post(
    "/v1/predict",
    summary="Segmentation and depth of an image, with next_image also optical flow",
    response_model=Summary,
    responses={
        **maps("In the form that Accept names."),
        **errors(*ALWAYS, *WITH_A_MODEL, *WITH_IMAGES),
    },
    openapi_extra=image_body("image", "next_image"),
)
async def predict(request: Request, query: Annotated[PredictQuery, Query()]) -> Response:
    """Send the image as the body, or a form with `image` and perhaps `next_image`.

    The answer follows Accept: application/json (a summary), application/zip (PNGs and meta.json),
    application/x-npz (arrays), multipart/mixed (the same arrays as .npy files, the fastest),
    image/png and image/jpeg.
    """
    started_s = time.monotonic()
    service: Service = request.app.state.service
    model = service.open_model(query.model)
    order = query.order(
        ",".join(request.headers.getlist("accept")),
        started_s=started_s,
        most_s=service.config.timeout_s,
    )
    return await exchange(request, order, service=service, model=model, started_s=started_s)
