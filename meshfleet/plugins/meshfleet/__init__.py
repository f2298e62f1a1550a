"""The native provider `meshfleet`: embedded clusters, istiods, gateway addresses, certificate authorities."""
