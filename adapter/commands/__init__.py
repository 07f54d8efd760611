"""One file per command of `troughline`."""
