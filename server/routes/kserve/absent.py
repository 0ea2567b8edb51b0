"""Extensions of Triton's that are not here, each refused in a sentence."""

from fastapi import APIRouter

from server.errors import UnsupportedExtension
from server.routes.kserve.contract import PREFIX

router = APIRouter(prefix=PREFIX)


def _refuse(path: str, why: str) -> None:
    async def refuse() -> None:
        raise UnsupportedExtension(why)

    router.add_api_route(path, refuse, methods=["GET", "POST"], include_in_schema=False)


_NO_REGIONS = (
    "shared memory is not supported: clients of this server may be anywhere, so send tensors in "
    "the body"
)
_refuse("/systemsharedmemory/{rest:path}", _NO_REGIONS)
_refuse("/cudasharedmemory/{rest:path}", _NO_REGIONS)
_NO_TRACE = "traces are set up by the operator (OpenTelemetry), not by clients"
_refuse("/trace/setting", _NO_TRACE)
_refuse("/models/{name}/trace/setting", _NO_TRACE)
_refuse("/logging", "the log is set up by the operator (--log-format), not by clients")
