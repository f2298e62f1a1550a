"""The credentials of an account in a cluster, out of the Secret with its token.

Source: https://kubernetes.io/docs/concepts/configuration/secret/#serviceaccount-token-secrets
"""

from __future__ import annotations

import base64

from meshfleet.components.certificate_authorities import authority_of
from meshfleet.errors import ClusterError
from meshfleet.topology import Discovery


def token_and_authority(cluster: str, account: str, discovery: Discovery, data: dict[str, str]) -> tuple[str, str]:
    """The token, and in PEM what the cluster's API server is checked with, from the `data` of the Secret.

    `account` is whose token it is, in words. What `discovery` says of the authority comes in place of the cluster's.
    Raises ClusterError for a Secret that is not one of a token.
    """
    given = authority_of(cluster, discovery)
    try:
        return base64.b64decode(data["token"]).decode(), given or base64.b64decode(data["ca.crt"]).decode()
    except (KeyError, TypeError, ValueError) as error:
        raise ClusterError(
            f"{cluster}: the token Secret of {account} has no usable token and ca.crt ({type(error).__name__}); "
            "delete that Secret, and run meshfleet up --refresh, which creates it again"
        ) from None
