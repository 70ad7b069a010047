"""A rack without phones: emulated handsets that speak the ADB wire protocol, to try acquisition on."""
