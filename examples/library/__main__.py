"""A Pulumi program of its own that puts a fleet, and one resource of meshfleet alone, into its stack."""

import pulumi

import meshfleet

topology = meshfleet.load(
    f"shop-{pulumi.get_stack()}",
    {
        "networks": {"network-west": {}},
        "clusters": {"west": {"embedded": {}, "network": "network-west"}},
    },
)
fleet = meshfleet.Fleet(topology)

# A resource of the plugin alone: the root of another mesh. Its key is a secret in the state.
partner = meshfleet.RootCertificateAuthority("partner", common_name="Root CA of the partner mesh")

pulumi.export("kubeconfigs", fleet.kubeconfigs())
pulumi.export("partnerRoot", partner.fingerprint)
