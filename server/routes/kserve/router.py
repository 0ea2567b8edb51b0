"""All of /v2. Only 200 is success, and an error is `{"error": "..."}`.

What happens to the images is what happens below /v1: the same limits, queue and workers.
"""

from fastapi import APIRouter

from server.routes.kserve import absent, health, infer, models, repository

router = APIRouter(tags=["Open Inference Protocol"])
for part in (health, models, infer, repository, absent):
    router.include_router(part.router)
