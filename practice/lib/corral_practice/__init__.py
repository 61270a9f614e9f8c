"""The practice fleet: models, registry and images with which Corral is tried without the internet."""
