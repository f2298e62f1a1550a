"""The figures of the README, measured. Not imported by anything but `scripts/bench`."""
