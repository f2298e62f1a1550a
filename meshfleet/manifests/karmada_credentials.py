"""The accounts with which Karmada comes to a cluster, the Secrets in which it finds their tokens, its certificates.

Sources: pkg/util/credential.go and charts/karmada/values.yaml of karmada-io/karmada v1.18.2
"""

from __future__ import annotations

from typing import Final

from meshfleet.manifests.objects import encoded

NAMESPACE: Final = "karmada-cluster"
"""The namespace of the accounts in each cluster, and of the Secrets in Karmada's API server."""
IMPERSONATOR: Final = "karmada-impersonator"
"""The account with which people are impersonated in a cluster."""
TOKEN: Final = "karmada-token"  # noqa: S105  (the name of a document)
"""The document with the token of the account that brings objects."""
IMPERSONATOR_TOKEN: Final = "karmada-impersonator-token"  # noqa: S105  (the name of a document)
CERTIFICATES: Final = {
    "caCrt": "certificate of the CA of Karmada",
    "caKey": "key of the CA of Karmada",
    "crt": "certificate of the servers of Karmada",
    "key": "key of the servers of Karmada",
    "frontProxyCaCrt": "certificate of the front proxy CA of Karmada",
    "frontProxyCrt": "certificate of the front proxy of Karmada",
    "frontProxyKey": "key of the front proxy of Karmada",
}
"""The values `certs.custom` of Karmada's chart, each with what it is."""


def account(cluster: str) -> str:
    """The account with which Karmada brings objects to a cluster."""
    return f"karmada-{cluster}"


def credentials_data(account: str, token: str, authority: str) -> dict[str, str]:
    """The `data` of the Secret of an account, of texts; secret as a whole. The impersonator's has no authority."""
    found = {"token": encoded(token)}
    return found if account == IMPERSONATOR else found | {"caBundle": encoded(authority)}
