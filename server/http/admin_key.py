"""Whether a caller may change what is served."""

import hmac

from pydantic import SecretStr
from starlette.datastructures import Headers

from server.access.api_keys import digest
from server.errors import Unauthorized
from server.http.bearer import bearer

HEADER = "X-Admin-Key"


def check_admin_key(headers: Headers, admin_key: SecretStr | None) -> None:
    """Compare what came as `X-Admin-Key: KEY` or `Authorization: Bearer KEY` in constant time.

    Raises:
        Unauthorized
    """
    shown = headers.get(HEADER, "").strip() or bearer(headers) or ""
    # Digests have one length: the comparison tells nothing, not even how long the key is.
    expected = "" if admin_key is None else admin_key.get_secret_value()
    is_right = hmac.compare_digest(digest(shown), digest(expected))
    if admin_key is None or not is_right:
        raise Unauthorized(
            f"managing models needs the admin key, {'another' if shown else 'none'} came: send "
            f"{HEADER}: KEY, or Authorization: Bearer KEY"
        )
