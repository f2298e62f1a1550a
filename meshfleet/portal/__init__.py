"""The API portal: Envoy on the host, through which people reach the API servers of all clusters as themselves. Pure.

It authenticates, and each member authorizes: a request under `/clusters/NAME/` goes on to the API server of that
cluster with the name and groups of its sender in `Impersonate-*` headers, under the portal's own account there.

Sources: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation and
https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/jwt_authn_filter
"""
