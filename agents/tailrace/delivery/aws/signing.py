"""signing: a request in, the headers by which AWS knows who sent it (Signature Version 4), out. For protocols that are
not AWS's own, which no client of botocore speaks.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from tailrace.delivery.aws.errors import calling
from tailrace.delivery.refusal import Refused


class Signer:
    """Signs for one service of one region, with the credentials that botocore finds: environment, IRSA, Pod Identity,
    the instance."""

    def __init__(self, service: str, region: str = "") -> None:
        """Asks nobody yet. Raises ValueError if no region is known."""
        import botocore.session

        self._session = botocore.session.Session()
        found = region or os.environ.get("AWS_REGION") or self._session.get_config_variable("region")
        if not found:
            raise ValueError(f"{service} needs a region: nothing was written; set region, or AWS_REGION")
        self._service, self._region = service, str(found)

    def headers(self, method: str, url: str, body: bytes) -> Mapping[str, str]:
        """What is added to the request's headers. Raises Refused if there are no credentials."""
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest

        request = AWSRequest(method, url, data=body)
        with calling(f"{self._service}:sign", "*"):
            found = self._session.get_credentials()  # looked for anew each time until there are some
            if found is None:
                told = f"{self._service}: there are no credentials to sign with"
                raise Refused(
                    "denied", told, "give the pod a role: check the service account's role (IRSA, Pod Identity)"
                )
            SigV4Auth(found.get_frozen_credentials(), self._service, self._region).add_auth(request)
        return {name.lower(): str(value) for name, value in request.headers.items()}
